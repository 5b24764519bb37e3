#include "cli/connect.h"

#include <doctest/doctest.h>
#include <vector>

#include "base/endpoint.h"
#include "base/system.h"
#include "tests/cli/listening_socket.h"
#include "tests/support/descriptors.h"
#include "tests/support/temporary_directory.h"
#include "usher/error.h"

using namespace usher;
using namespace usher::testing;

namespace {

bool connects(const std::string& address) {
  const UniqueFd fd = connect_to(parse_server_address(address).value());
  return static_cast<bool>(fd);
}

}  // namespace

TEST_CASE("connect: the ways to write a server's address") {
  const auto named = parse_server_address("host.example:4000").value();
  CHECK(named.host == "host.example");
  CHECK(named.port == "4000");
  CHECK(parse_server_address("[::1]:4000").value().host == "::1");
  CHECK(parse_server_address("192.0.2.7:65535").value().port == "65535");
  const auto local = parse_server_address("unix:/run/x.sock").value();
  CHECK(local.is_unix());
  CHECK(local.host == "/run/x.sock");
}

TEST_CASE("connect: other texts are no addresses") {
  for (const char* text : {"", "host", "host:", ":4000", "host:0", "host:65536", "host:x", "host:1x", "::1:4000",
                           "[]:4000", "[::1]", "unix:", "host:-1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_server_address(text));
  }
}

TEST_CASE("connect: IPv4, IPv6, names and unix sockets are reached") {
  const std::size_t before = open_descriptors();
  const TemporaryDirectory directory;
  {
    const UniqueFd ipv4 = listening_socket("127.0.0.1:0");
    const UniqueFd ipv6 = listening_socket("[::1]:0");
    const UniqueFd local = listening_socket("unix:" + directory.path("s"));
    CHECK(connects(local_end_of(ipv4.get()).text()));
    CHECK(connects(local_end_of(ipv6.get()).text()));
    CHECK(connects("localhost:" + std::to_string(local_end_of(ipv4.get()).port)));
    CHECK(connects("unix:" + directory.path("s")));
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("connect: a server that is not there is an error with its reason") {
  const TemporaryDirectory directory;
  const UniqueFd deaf = bound_socket("127.0.0.1:0");
  const std::string address = local_end_of(deaf.get()).text();
  CHECK_THROWS_WITH_AS(connects(address),
                       ("cannot connect to 127.0.0.1 port " + address.substr(10) + ": Connection refused").c_str(),
                       Error);
  CHECK_THROWS_AS(connects(std::string(300, 'h') + ":1"), Error);
  CHECK_THROWS_AS(connects("unix:" + directory.path("none")), Error);
  CHECK_THROWS_AS(connects("unix:/" + std::string(200, 'x')), Error);
}

TEST_CASE("connect: a server that does not answer is given up after the patience") {
  const UniqueFd full = listening_socket("127.0.0.1:0");
  check(::listen(full.get(), 0), "listen");
  const auto server = parse_server_address(local_end_of(full.get()).text()).value();
  const UniqueFd first = connect_to(server);
  std::vector<UniqueFd> queued;
  const auto fill = [&] {
    for (int i = 0; i < 10; ++i) queued.push_back(connect_to(server, std::chrono::milliseconds(50)));
  };
  CHECK_THROWS_AS(fill(), Error);
}
