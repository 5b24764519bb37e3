// What the workers that are compared do with a connection: one line is sent back.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>

namespace usher::bench {

inline void echo_line(int fd) {
  std::array<char, 256> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
  std::size_t size = 0;
  while (size < bytes.size() && (size == 0 || bytes.at(size - 1) != '\n')) {
    const ssize_t got = ::recv(fd, bytes.data() + size, bytes.size() - size, 0);
    if (got <= 0) return;
    size += static_cast<std::size_t>(got);
  }
  static_cast<void>(::send(fd, bytes.data(), size, MSG_NOSIGNAL));
}

}  // namespace usher::bench
