// A client's bytes on their way to a reader that takes from a socket, in pieces of any size.
#pragma once

#include <sys/socket.h>

#include <array>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"
#include "tests/support/process.h"

namespace usher::fuzz {

class ClientBytes {
 public:
  ClientBytes(std::string_view bytes, std::size_t piece) : left_(bytes), piece_(piece) {}

  int fd() const noexcept { return ends_.first.get(); }

  // The next piece, or the end of what the client sends. False when that was sent before.
  bool send_more() {
    if (ended_) return false;
    const std::string_view next = left_.substr(0, piece_);
    if (next.empty()) {
      ended_ = true;
      return ::shutdown(ends_.second.get(), SHUT_WR) == 0;
    }
    left_.remove_prefix(next.size());
    const ssize_t sent = ::send(ends_.second.get(), next.data(), next.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    demand(sent == static_cast<ssize_t>(next.size()), "a piece can be sent");
    return true;
  }

  // All that was not taken.  In one piece: a socket has room for few pieces that nobody takes.
  std::string rest() {
    piece_ = left_.size();
    while (send_more()) {
    }
    return read_all(fd());
  }

  // What the reader has said to the client.
  std::string answer() const { return read_all(ends_.second.get()); }

 private:
  static std::string read_all(int fd) {
    std::string all;
    std::array<char, 4096> part{};
    ssize_t got = 0;
    while ((got = ::recv(fd, part.data(), part.size(), MSG_DONTWAIT)) > 0)
      all.append(part.data(), static_cast<std::size_t>(got));
    return all;
  }

  std::string_view left_;
  std::size_t piece_;
  bool ended_ = false;
  std::pair<UniqueFd, UniqueFd> ends_ = testing::make_stream_pair();
};

}  // namespace usher::fuzz
