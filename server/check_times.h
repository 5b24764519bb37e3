// How long PAM takes to check a password, by listener: refusals wait for the slowest check, so that a quick one does not tell that
// there is no such user.
//
// Model:  the slowest check of the last kMemory to twice that; a check of any outcome counts. A new listener knows of none.
// Shape:  milliseconds.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"

namespace usher {

class CheckTimes {
 public:
  static constexpr std::chrono::minutes kMemory{30};

  void note(const std::string& listener, std::uint32_t checked_ms, Instant now);
  // 0 when none is known.
  std::uint32_t slowest(const std::string& listener, Instant now);

 private:
  struct Times {
    std::uint32_t lately = 0;
    std::uint32_t before = 0;
    Instant since{};  // of `lately`
    void age(Instant now);
  };
  std::map<std::string, Times> by_listener_;
};

}  // namespace usher
