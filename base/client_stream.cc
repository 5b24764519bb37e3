#include "base/client_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include "base/system.h"

namespace usher {

ssize_t PlainStream::receive(std::span<std::uint8_t> into) {
  awaits_ = POLLIN;
  return retry([&] { return ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT); });
}

ssize_t PlainStream::peek(std::span<std::uint8_t> into) {
  awaits_ = POLLIN;
  return retry([&] { return ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT | MSG_PEEK); });
}

ssize_t PlainStream::send(std::string_view bytes) {
  awaits_ = POLLOUT;
  return retry([&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
}

}  // namespace usher
