#include "base/orderly_close.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace usher {
namespace {

// False when `deadline` passed first.
bool wait_for(int fd, short events, Instant deadline) noexcept {
  pollfd wait{fd, events, 0};
  while (true) {
    const int ready = ::poll(&wait, 1, milliseconds_until(deadline));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

}  // namespace

bool discard_input(int fd) noexcept {
  std::array<char, 4096> unseen;  // NOLINT(cppcoreguidelines-pro-type-member-init): nobody looks
  for (int rounds = 0; rounds < 64; ++rounds) {
    const ssize_t got = ::recv(fd, unseen.data(), unseen.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got == 0) return true;
    if (got < 0 && errno != EINTR) return errno != EAGAIN;
  }
  return false;
}

bool send_all(int fd, std::string_view text, Instant deadline) noexcept {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, deadline)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void close_in_order(UniqueFd fd) noexcept {
  if (!fd || ::shutdown(fd.get(), SHUT_WR) != 0) return;
  const Instant deadline = Clock::now() + kLingerTime;
  while (!discard_input(fd.get()) && wait_for(fd.get(), POLLIN, deadline) && Clock::now() < deadline) {
  }
  // With TLS in the kernel there may be what nobody can read any more: then the peer's end is awaited with that unread.
  wait_for(fd.get(), POLLRDHUP, deadline);
}

}  // namespace usher
