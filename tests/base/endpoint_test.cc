#include "base/endpoint.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "base/listen_address.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "usher/error.h"

using namespace usher;

TEST_CASE("endpoint: is written as people write addresses") {
  CHECK(Endpoint{Endpoint::Family::ipv4, "192.0.2.7", 40112}.text() == "192.0.2.7:40112");
  CHECK(Endpoint{Endpoint::Family::ipv6, "2001:db8::7", 1}.text() == "[2001:db8::7]:1");
  CHECK(Endpoint{Endpoint::Family::local, "/run/x", 0}.text() == "unix:/run/x");
}

TEST_CASE("endpoint: loopback is what does not cross a network") {
  CHECK(Endpoint{Endpoint::Family::ipv4, "127.0.0.1", 1}.loopback());
  CHECK(Endpoint{Endpoint::Family::ipv4, "127.8.9.10", 1}.loopback());
  CHECK_FALSE(Endpoint{Endpoint::Family::ipv4, "128.0.0.1", 1}.loopback());
  CHECK_FALSE(Endpoint{Endpoint::Family::ipv4, "12.7.0.1", 1}.loopback());
  CHECK(Endpoint{Endpoint::Family::ipv6, "::1", 1}.loopback());
  CHECK_FALSE(Endpoint{Endpoint::Family::ipv6, "::ffff:127.0.0.1", 1}.loopback());
  CHECK(Endpoint{}.loopback());
}

TEST_CASE("endpoint: clients are counted under /24 and /64") {
  CHECK(Endpoint{Endpoint::Family::ipv4, "192.0.2.77", 1}.network() == "192.0.2.0/24");
  CHECK(Endpoint{Endpoint::Family::ipv6, "2001:db8:1:2:3:4:5:6", 1}.network() == "2001:db8:1:2::/64");
  CHECK(Endpoint{Endpoint::Family::ipv6, "::1", 1}.network() == "::/64");
  CHECK(Endpoint{}.network() == "unix");
}

TEST_CASE("endpoint: both ends of a connection are what the kernel says") {
  const auto any = parse_listen_address("127.0.0.1:0");
  const UniqueFd listening(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  REQUIRE(::bind(listening.get(), any->address(), any->length) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  const auto bound = parse_listen_address(local_end_of(listening.get()).text());
  const UniqueFd client(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  REQUIRE(::connect(client.get(), bound->address(), bound->length) == 0);
  const UniqueFd server(check(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
  CHECK(peer_of(server.get()).text() == local_end_of(client.get()).text());
  CHECK(local_end_of(server.get()).text() == local_end_of(listening.get()).text());
  CHECK_THROWS_AS(peer_of(listening.get()), std::system_error);
}
