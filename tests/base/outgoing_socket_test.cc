// A listening socket is given up, and whoever has connected is found in it.
#include "base/outgoing_socket.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/support/skip.h"

using namespace usher;

namespace {

UniqueFd stream_socket(int flags = 0) { return UniqueFd(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), "socket")); }

// Listening on a port of 127.0.0.1, which comes out in `address`.
UniqueFd listening_at(sockaddr_in& address) {
  UniqueFd fd = stream_socket(SOCK_NONBLOCK);
  address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as bind(2) has it
  check(::bind(fd.get(), generic, length), "bind");
  check(::listen(fd.get(), 16), "listen");
  check(::getsockname(fd.get(), generic, &length), "ask for the port");
  return fd;
}

bool connects(const UniqueFd& client, const sockaddr_in& address) {
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: as connect(2) has it
  if (::connect(client.get(), generic, sizeof address) == 0) return true;
  pollfd connected{client.get(), POLLOUT, 0};
  return errno == EINPROGRESS && ::poll(&connected, 1, 100) == 1;
}

}  // namespace

TEST_CASE("outgoing socket: nobody new gets in, and who has connected is accepted and not reset") {
  sockaddr_in address{};
  UniqueFd listening = listening_at(address);
  const UniqueFd before = stream_socket(SOCK_NONBLOCK);
  REQUIRE(connects(before, address));
  REQUIRE(::send(before.get(), "x", 1, 0) == 1);
  SKIP_UNLESS(drop_new_connections(listening.get()), "the kernel lets only root have a socket filter");
  const UniqueFd after = stream_socket(SOCK_NONBLOCK);
  CHECK_FALSE(connects(after, address));

  const UniqueFd accepted(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
  REQUIRE(accepted);
  CHECK(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC) < 0);
  listening.reset();
  char byte = 0;
  CHECK(::recv(accepted.get(), &byte, 1, 0) == 1);  // and what came over the connection meanwhile
  REQUIRE(::send(before.get(), "y", 1, 0) == 1);
  CHECK(::recv(accepted.get(), &byte, 1, 0) == 1);
  CHECK(byte == 'y');
}

TEST_CASE("outgoing socket: descriptors of one socket are known to be that") {
  sockaddr_in address{};
  const UniqueFd one = listening_at(address);
  const UniqueFd same(::dup(one.get()));
  const UniqueFd other = listening_at(address);
  CHECK(is_same_socket(one.get(), same.get()));
  CHECK_FALSE(is_same_socket(one.get(), other.get()));
  CHECK_FALSE(is_same_socket(one.get(), -1));
}

TEST_CASE("outgoing socket: a unix socket is left as it is") {
  const UniqueFd fd(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  CHECK_FALSE(drop_new_connections(fd.get()));
  int locked = 0;
  CHECK(::setsockopt(fd.get(), SOL_SOCKET, SO_DETACH_FILTER, &locked, sizeof locked) != 0);  // there is none
}
