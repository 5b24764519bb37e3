#include "base/listen_address.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstring>

using namespace usher;

namespace {

std::string objection(std::string_view text) {
  std::string_view why;
  CHECK_FALSE(parse_listen_address(text, &why));
  return std::string(why);
}

bool clash(std::string_view one, std::string_view other) {
  return parse_listen_address(one).value().clashes_with(parse_listen_address(other).value());
}

}  // namespace

TEST_CASE("address: IPv4, IPv6 and unix addresses become what bind takes") {
  const auto ipv4 = parse_listen_address("127.0.0.1:4000").value();
  sockaddr_in in{};
  std::memcpy(&in, &ipv4.storage, sizeof in);
  CHECK(in.sin_family == AF_INET);
  CHECK(in.sin_port == htons(4000));
  CHECK(ntohl(in.sin_addr.s_addr) == INADDR_LOOPBACK);
  CHECK(ipv4.length == sizeof in);

  const auto ipv6 = parse_listen_address("[::1]:0").value();
  sockaddr_in6 in6{};
  std::memcpy(&in6, &ipv6.storage, sizeof in6);
  CHECK(in6.sin6_family == AF_INET6);
  CHECK(in6.sin6_port == 0);
  CHECK(IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr));

  const auto local = parse_listen_address("unix:/run/x.sock").value();
  sockaddr_un un{};
  std::memcpy(&un, &local.storage, sizeof un);
  CHECK(std::string(un.sun_path) == "/run/x.sock");
  CHECK(local.path == "/run/x.sock");
}

TEST_CASE("address: the port of an address can be changed") {
  for (const char* text : {"127.0.0.1:4000", "[::1]:4000"}) {
    CAPTURE(text);
    const auto address = parse_listen_address(text).value();
    const auto other = address.with_port(4001);
    CHECK(other.port == 4001);
    CHECK_FALSE(other.clashes_with(address));
    const auto same = other.with_port(4000);
    CHECK(std::memcmp(&same.storage, &address.storage, sizeof address.storage) == 0);
  }
  CHECK(parse_listen_address("unix:/x").value().with_port(7).path == "/x");
}

TEST_CASE("address: what is none says why") {
  CHECK(objection("") == "has no port");
  CHECK(objection("127.0.0.1") == "has no port");
  CHECK(objection("[::1]") == "has no port");
  CHECK(objection("127.0.0.1:") == "has no port from 0 to 65535 after its last colon");
  CHECK(objection("127.0.0.1:65536") == "has no port from 0 to 65535 after its last colon");
  CHECK(objection("127.0.0.1:-1") == "has no port from 0 to 65535 after its last colon");
  CHECK(objection("127.0.0.1: 1") == "has no port from 0 to 65535 after its last colon");
  CHECK(objection("localhost:4000") == "is not numeric");
  CHECK(objection("127.1:4000") == "is not numeric");
  CHECK(objection("*:4000") == "is not numeric");
  CHECK(objection(":4000") == "is not numeric");
  CHECK(objection("::1:4000") == "has an IPv6 address without brackets");
  CHECK(objection("[127.0.0.1]:4000") == "has no IPv6 address between its brackets");
  CHECK(objection("[]:4000") == "has no IPv6 address between its brackets");
  CHECK(objection("unix:") == "has no absolute path after \"unix:\"");
  CHECK(objection("unix:run/x") == "has no absolute path after \"unix:\"");
  CHECK(objection("unix:/run/") == "ends in a slash");
  CHECK(objection(std::string("unix:/a\0b", 9)) == "has a NUL byte");
}

TEST_CASE("address: a unix path may have 107 bytes, not 108") {
  CHECK(parse_listen_address("unix:/" + std::string(106, 'a')));
  CHECK(objection("unix:/" + std::string(107, 'a')) == "has a path longer than 107 bytes");
}

TEST_CASE("address: loopback and unix sockets are reached from this machine only") {
  for (const char* local : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "unix:/x"}) {
    CAPTURE(local);
    CHECK(parse_listen_address(local).value().is_local());
  }
  for (const char* open : {"0.0.0.0:1", "192.0.2.1:1", "[::]:1", "[2001:db8::1]:1", "[::ffff:127.0.0.1]:1"}) {
    CAPTURE(open);
    CHECK_FALSE(parse_listen_address(open).value().is_local());
  }
}

TEST_CASE("address: two clash when they cannot be bound at one time") {
  CHECK(clash("127.0.0.1:7", "127.0.0.1:7"));
  CHECK(clash("0.0.0.0:7", "127.0.0.1:7"));
  CHECK(clash("[::1]:7", "[::]:7"));
  CHECK(clash("[::1]:7", "[0:0::1]:7"));
  CHECK(clash("unix:/a", "unix:/a"));
  CHECK_FALSE(clash("127.0.0.1:7", "127.0.0.2:7"));
  CHECK_FALSE(clash("127.0.0.1:7", "127.0.0.1:8"));
  CHECK_FALSE(clash("0.0.0.0:7", "[::]:7"));
  CHECK_FALSE(clash("127.0.0.1:0", "127.0.0.1:0"));
  CHECK_FALSE(clash("unix:/a", "unix:/b"));
}
