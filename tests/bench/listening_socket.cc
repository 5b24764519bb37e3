#include "tests/bench/listening_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/system.h"

namespace usher::bench {

ListeningSocket listen_on_loopback() {
  UniqueFd listening(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a server"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as bind(2) has it
  check(::bind(listening.get(), generic, length), "bind a server");
  check(::listen(listening.get(), SOMAXCONN), "listen");
  check(::getsockname(listening.get(), generic, &length), "find a server's port");
  return {std::move(listening), ntohs(address.sin_port)};
}

}  // namespace usher::bench
