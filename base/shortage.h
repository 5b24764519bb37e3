// Running out of descriptors: noticed while a few are left, and told once a minute.
//
// Model:  the kernel gives the lowest free number, so a new descriptor's number says how many are in use. A margin is kept for
//         what has to work always; who takes in clients keeps two, and who reads messages with descriptors rests in the last.
#pragma once

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>

#include "base/clock.h"
#include "base/log.h"

namespace usher {

// Of a call that may succeed later without anybody's doing.
inline bool is_shortage(int error) noexcept {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// The first number of a new descriptor that is one of the last, so many margins before the end; 0: of the very last few.
inline int first_of_the_last(unsigned margins = 1) noexcept {
  constexpr rlim_t kLeast = 8;
  constexpr rlim_t kMost = 64;
  constexpr rlim_t kFew = 3;
  constexpr auto kNone = std::numeric_limits<int>::max();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > kNone) return kNone;
  const rlim_t kept = std::max(margins * std::clamp(limit.rlim_cur / 8, kLeast, kMost), kFew);
  return static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur, kept));
}

inline bool is_one_of_the_last(int fd, unsigned margins = 1) noexcept { return fd >= 0 && fd >= first_of_the_last(margins); }

// A line at the most once a minute, however often it is asked for.
class Complaint {
 public:
  void tell(const char* event, log::Fields fields) {
    if (Clock::now() < next_) return;
    next_ = Clock::now() + std::chrono::minutes(1);
    log::error(event, fields);
  }

 private:
  Instant next_{};
};

}  // namespace usher
