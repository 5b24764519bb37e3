#include "base/network.h"

#include <doctest/doctest.h>

using namespace usher;

namespace {

bool contains(const char* network, const char* host) {
  const auto parsed = Network::parse(network);
  REQUIRE(parsed);
  return parsed->contains(*endpoint_of(host, 1));
}

}  // namespace

TEST_CASE("network: an address is in it when its first bits are") {
  CHECK(contains("192.0.2.0/24", "192.0.2.255"));
  CHECK_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
  CHECK(contains("192.0.2.128/25", "192.0.2.129"));
  CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  CHECK(contains("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(contains("192.0.2.7", "192.0.2.6"));
  CHECK(contains("0.0.0.0/0", "203.0.113.9"));
  CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(contains("::/0", "::1"));
}

TEST_CASE("network: families do not mix, but an IPv4 address is one by IPv6 too") {
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK_FALSE(contains("::/0", "192.0.2.7"));
  CHECK(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
  const auto local = Network::parse("unix");
  REQUIRE(local);
  CHECK(local->contains({Endpoint::Family::local, "/tmp/door", 0}));
  CHECK_FALSE(local->contains(*endpoint_of("127.0.0.1", 1)));
  CHECK_FALSE(Network::parse("0.0.0.0/0")->contains({}));
}

TEST_CASE("network: what is none is none") {
  for (const char* text : {"", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/24x", "192.0.2.1/24", "192.0.2",
                           "2001:db8::/129", "2001:db8::1/64", "localhost", "unix/0", "192.0.2.0/ 24"}) {
    CAPTURE(text);
    CHECK_FALSE(Network::parse(text));
  }
}

TEST_CASE("network: an address is written as the kernel writes it") {
  CHECK(endpoint_of("2001:DB8:0::7", 40112)->text() == "[2001:db8::7]:40112");
  CHECK(endpoint_of("::ffff:192.0.2.7", 1)->text() == "192.0.2.7:1");
  CHECK_FALSE(endpoint_of("localhost", 1));
  CHECK_FALSE(endpoint_of("", 1));
}

TEST_CASE("network: an endpoint is of the network of so many bits") {
  const auto of = [](const char* host, unsigned ipv4, unsigned ipv6) { return network_of(*endpoint_of(host, 1), ipv4, ipv6); };
  CHECK(of("192.0.2.77", 24, 64) == "192.0.2.0/24");
  CHECK(of("192.0.2.77", 26, 64) == "192.0.2.64/26");
  CHECK(of("192.0.2.77", 32, 64) == "192.0.2.77/32");
  CHECK(of("2001:db8:1:2:3::7", 24, 64) == "2001:db8:1:2::/64");
  CHECK(of("2001:db8:1:2:3::7", 24, 48) == "2001:db8:1::/48");
  CHECK(of("::ffff:192.0.2.77", 24, 64) == "192.0.2.0/24");
  CHECK(network_of(Endpoint{Endpoint::Family::local, "/run/x.sock", 0}, 24, 64) == "unix");
  for (const char* host : {"192.0.2.77", "2001:db8:1:2:3::7"})
    CHECK(Network::parse(of(host, 20, 50))->contains(*endpoint_of(host, 1)));
  CHECK(contains(networks_of({"192.0.2.0/24", "none", "unix"}), *endpoint_of("192.0.2.1", 1)));
  CHECK_FALSE(contains(networks_of({"192.0.2.0/24"}), *endpoint_of("192.0.3.1", 1)));
}
