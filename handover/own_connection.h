// What a worker that is somebody's own program is given: a connection with its control record, over the one channel on
// which all workers of its pool wait; and the page on which it says how it fares.
//
// Model:  the program is started with the descriptors below. It blocks in recvmsg on the channel: the kernel wakes one
// of all that
//         wait for each message, and a message that nobody has read yet stays in the channel, whoever dies. The end of
//         the channel, or SIGTERM, means that it shall go. It says once, by a byte on kReadyFd, that it is about to
//         take. The page is written by the program alone and believed about nothing but what the registry shows of it.
// Shape:  the message has always kOwnConnectionSize bytes, so that the bytes unread in the channel tell how many are.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "base/unique_fd.h"
#include "handover/hand_over.h"

namespace usher {

inline constexpr int kConnectionsFd = 3;
inline constexpr int kUsePageFd = 4;
inline constexpr int kReadyFd = 5;
inline constexpr const char* kOwnWorkerVariable = "USHER_POOL";  // set for such programs, and for no other

struct OwnConnection {
  static constexpr auto kKind = ListenerSays::own_connection;
  std::array<std::uint8_t, 32> listener{};  // its name, filled up with zero bytes
  std::int64_t accepted_at = 0;             // nanoseconds of the steady clock
  std::uint64_t serial = 0;                 // the listener's
  static auto fields(auto& m) { return std::tie(m.listener, m.accepted_at, m.serial); }
};
inline constexpr std::size_t kOwnConnectionSize = max_wire_size<OwnConnection>();

inline std::array<std::uint8_t, 32> padded_name(std::string_view name) {
  std::array<std::uint8_t, 32> bytes{};
  for (std::size_t i = 0; i < name.size() && i < bytes.size(); ++i) bytes.at(i) = static_cast<std::uint8_t>(name[i]);
  return bytes;
}

inline std::string name_in(const std::array<std::uint8_t, 32>& padded) {
  return {padded.begin(), std::find(padded.begin(), padded.end(), 0)};
}

struct UsePage {
  std::atomic<std::uint64_t> taken;   // connections so far
  std::atomic<std::uint64_t> served;  // of these
  std::uint64_t max_use;              // 0: no limit; written before the program is there
};

// A page of its own for each program; its size is fixed for ever, so that nobody who has mapped it can be harmed.
UniqueFd make_use_page(std::uint64_t max_use);

class MappedUsePage {
 public:
  explicit MappedUsePage(int fd);
  ~MappedUsePage();
  MappedUsePage(MappedUsePage&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}
  MappedUsePage& operator=(MappedUsePage&&) = delete;
  UsePage* operator->() const noexcept { return page_; }

 private:
  UsePage* page_;
};

}  // namespace usher
