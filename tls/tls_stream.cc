#include "tls/tls_stream.h"

#include <poll.h>

#include <cerrno>

namespace usher {

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
