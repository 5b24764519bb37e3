#include "tls/client_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

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

int TlsStream::result_of(tls::Did did) {
  switch (did) {
    case tls::Did::done:
    case tls::Did::ended: return 0;
    case tls::Did::wants_read:
    case tls::Did::wants_write:
      awaits_ = did == tls::Did::wants_read ? POLLIN : POLLOUT;
      errno = EAGAIN;
      return -1;
    case tls::Did::failed: break;
  }
  errno = ECONNRESET;
  return -1;
}

ssize_t TlsStream::result_of(tls::Moved moved) {
  if (moved.did == tls::Did::done) return static_cast<ssize_t>(moved.bytes);
  return result_of(moved.did);
}

}  // namespace usher
