#include "cli/secure_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <iostream>

#include "base/clock.h"
#include "base/orderly_close.h"
#include "base/system.h"
#include "base/text.h"
#include "tls/relay.h"
#include "tls/tls_stream.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::chrono::seconds kPatience{30};

void shake_hands(TlsStream& server, int fd, const std::string& name) {
  const Instant deadline = Clock::now() + kPatience;
  while (server.shake_hands() != 0) {
    if (errno != EAGAIN) {
      throw Error(ErrorCode::io,
                  "no TLS with " + printable(name) + ": " + tls::reason_of_failure(server.connection().ssl()));
    }
    pollfd wait{fd, server.awaits(), 0};
    const int ready = retry([&] { return ::poll(&wait, 1, milliseconds_until(deadline)); });
    if (ready == 0) throw Error(ErrorCode::io, "no TLS with " + printable(name) + ": nothing came for 30 seconds");
  }
}

[[noreturn]] void be_relay(TlsStream& server, UniqueFd connection, UniqueFd inside) noexcept {
  ::close(STDIN_FILENO);  // whoever waits for the end of these waits for the other process
  ::close(STDOUT_FILENO);
  ::setpgid(0, 0);  // a terminal's signals are for the process that shows its user what comes of them
  try {
    const Channel nobody;
    if (Relay(server, connection.get(), std::move(inside), nobody).run()) {
      close_in_order(std::move(connection));
    } else {
      std::cerr << "usher login: the connection was cut\n" << std::flush;
    }
    _exit(0);
  } catch (const std::exception&) {
    _exit(1);
  }
}

}  // namespace

UniqueFd secure_connection(UniqueFd connection, const tls::ServerTrust& trust) {
  TlsStream server(tls::new_client_connection(trust), connection.get());
  shake_hands(server, connection.get(), trust.name);
  int ends[2];  // NOLINT: what socketpair(2) takes
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "join with the process that encrypts");
  UniqueFd outside(ends[0]);
  UniqueFd inside(ends[1]);
  if (check(::fork(), "make a process that encrypts") == 0) {
    outside.reset();
    be_relay(server, std::move(connection), std::move(inside));
  }
  return outside;
}

}  // namespace usher
