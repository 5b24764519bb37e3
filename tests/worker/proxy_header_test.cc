#include "worker/proxy_header.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>

#include "base/system.h"
#include "base/unique_fd.h"

using namespace usher;
using namespace std::string_literals;
using Result = ProxyHeader::Result;

namespace {

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

std::string block(char command, char family, const std::string& addresses) {
  const std::string length{static_cast<char>(addresses.size() >> 8U), static_cast<char>(addresses.size() & 0xFFU)};
  return kSignature + command + family + length + addresses;
}

const std::string kIpv4Addresses = "\xC0\x00\x02\x07\xC6\x33\x64\x01\x9C\xB0\x0F\xA0"s;  // 192.0.2.7:40112 -> 198.51.100.1:4000

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
    ours.reset(ends[0]);
    theirs.reset(ends[1]);
  }
  void send(const std::string& bytes) const {
    REQUIRE(::send(theirs.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  std::string rest() const {
    std::array<char, 100> bytes{};
    const ssize_t got = ::recv(ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    return {bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }
  UniqueFd ours, theirs;
};

struct Read {
  Result result;
  std::string client;
  std::string rest;
};

Read read_at_once(const std::string& bytes) {
  const Pair pair;
  pair.send(bytes + "alice\r\n");
  ProxyHeader header(pair.ours.get());
  const Result result = header.read();
  return {result, header.host() + ":" + std::to_string(header.port()), pair.rest()};
}

Result read_by_byte(const std::string& bytes) {
  const Pair pair;
  ProxyHeader header(pair.ours.get());
  Result result = Result::more;
  for (const char byte : bytes) {
    CHECK(header.read() == Result::more);
    pair.send({byte});
    result = header.read();
    if (result != Result::more) break;
  }
  return result;
}

}  // namespace

TEST_CASE("proxy header: version 1 and 2 name the client, and nothing behind them is taken") {
  const std::string ipv6_addresses = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x07" + std::string(16, '\1') + "\x9C\xB0\x0F\xA0";
  for (const auto& [bytes, client] : {std::pair{"PROXY TCP4 192.0.2.7 198.51.100.1 40112 4000\r\n"s, "192.0.2.7:40112"s},
                                      std::pair{"PROXY TCP6 2001:db8::7 ::1 40112 4000\r\n"s, "2001:db8::7:40112"s},
                                      std::pair{"PROXY UNKNOWN\r\n"s, ":0"s},
                                      std::pair{"PROXY UNKNOWN ffff::1 ::1 1 2\r\n"s, ":0"s},
                                      std::pair{block('\x21', '\x11', kIpv4Addresses), "192.0.2.7:40112"s},
                                      std::pair{block('\x21', '\x11', kIpv4Addresses + "\x04\x00\x01x"s), "192.0.2.7:40112"s},
                                      std::pair{block('\x21', '\x21', ipv6_addresses), "2001:db8::7:40112"s},
                                      std::pair{block('\x20', '\x00', ""), ":0"s},
                                      std::pair{block('\x21', '\x31', std::string(216, 'p')), ":0"s}}) {
    const Read read = read_at_once(bytes);
    CHECK(read.result == Result::whole);
    CHECK(read.client == client);
    CHECK(read.rest == "alice\r\n");
    CHECK(read_by_byte(bytes) == Result::whole);
  }
}

TEST_CASE("proxy header: what is none is bad") {
  for (const std::string& bytes :
       {"alice\r\n"s, "PROXY\r\n"s, "PROXY TCP4\r\n"s, "PROXY TCP4 192.0.2.7 198.51.100.1 40112\r\n"s,
        "PROXY TCP4 192.0.2.7 198.51.100.1 40112 4000\n"s, "PROXY TCP4 2001:db8::7 ::1 40112 4000\r\n"s,
        "PROXY TCP4 192.0.2.7 198.51.100.1 65536 4000\r\n"s, "PROXY TCP4 192.0.2.7 198.51.100.1 40112 4000 5\r\n"s,
        "PROXY TCP5 192.0.2.7 198.51.100.1 40112 4000\r\n"s, "PROXY  TCP4 192.0.2.7 198.51.100.1 40112 4000\r\n"s,
        "P" + std::string(200, 'x'), block('\x22', '\x11', kIpv4Addresses), block('\x11', '\x11', kIpv4Addresses),
        block('\x21', '\x11', kIpv4Addresses.substr(1)), block('\x21', '\x21', kIpv4Addresses), block('\x20', '\x00', std::string(1025, 'x')),
        "\r\n\r\n\1\r\nQUIT\n\x21\x11\0\0"s}) {
    CAPTURE(bytes);
    CHECK(read_at_once(bytes).result == Result::bad);
  }
}

TEST_CASE("proxy header: one that ends in the middle has ended") {
  const Pair pair;
  pair.send("PROXY TCP4 192.0");
  ::shutdown(pair.theirs.get(), SHUT_WR);
  ProxyHeader header(pair.ours.get());
  CHECK(header.read() == Result::ended);
}
