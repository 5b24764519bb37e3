// What strangers put into a socket that the pool reads: descriptors for which whoever drops them would have to wait.
#include "worker/pool_strangers.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "base/endpoint.h"
#include "tests/cli/listening_socket.h"
#include "tests/support/client.h"
#include "tests/support/descriptors.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr int kLinger = 60;  // seconds

// A TCP connection whose peer does not read what is under way to it.
struct Lingering {
  UniqueFd sender;
  UniqueFd peer;

  Lingering() {
    const UniqueFd listening = listening_socket("127.0.0.1:0");
    sockaddr_in address{};
    socklen_t length = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as getsockname(2) has it
    check(::getsockname(listening.get(), generic, &length), "getsockname");
    sender.reset(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
    check(::connect(sender.get(), generic, length), "connect");
    peer.reset(check(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    const linger wait{1, kLinger};
    check(::setsockopt(sender.get(), SOL_SOCKET, SO_LINGER, &wait, sizeof wait), "linger");
    const std::array<char, 65'536> unread{};
    while (::send(sender.get(), unread.data(), unread.size(), MSG_DONTWAIT) > 0) {
    }
  }

  // What was sent, and then its end: nobody holds the other end any more.
  bool ends() {
    Client client(std::move(peer));
    client.read_until_closed();
    return true;
  }
};

// Gives the only other reference to it away.
void send_away(Channel stranger, Lingering& connection) {
  const std::array<std::uint8_t, 1> byte{1};
  const int fd = connection.sender.get();
  REQUIRE(stranger.send_bytes(byte, std::span<const int>(&fd, 1)) == Channel::Sent::done);
  connection.sender.reset();
}

bool is_soon(Instant begin) {
  return Clock::now() - begin < std::chrono::seconds(kLinger / 2);
}

}  // namespace

TEST_CASE("strangers: a packet that brings descriptors breaks the protocol, and nothing waits for them") {
  const std::size_t before = open_descriptors();
  {
    Lingering connection;
    auto [ours, theirs] = make_channel();
    send_away(std::move(theirs), connection);
    const Instant begin = Clock::now();
    CHECK(ours.brings_descriptors());
    EventLoop loop;
    std::string why;
    std::vector<UniqueFd> closed;
    Link link(
        loop, std::move(ours), [](Packet&) { FAIL("it was taken"); },
        [&](const std::string& reason) {
          why = reason;
          loop.stop();
        },
        0);
    link.distrust([&](UniqueFd fd) { closed.push_back(std::move(fd)); });
    loop.run();
    CHECK(why == "descriptors that nobody asked for");
    REQUIRE(closed.size() == 1);
    CHECK(close_without_waiting(closed));
    CHECK(closed.empty());
    CHECK(is_soon(begin));
    CHECK(connection.ends());
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("strangers: what waits unread in a socket, or in a socket that waits there, holds up nobody who closes it") {
  const std::size_t before = open_descriptors();
  {
    std::array<Lingering, 2> connections;
    auto [first, strangers_first] = make_channel();
    auto [inner, strangers_inner] = make_channel();
    auto [second, strangers_second] = make_channel();
    strangers_first.send_bytes({}, {});  // an empty packet looks like the end
    send_away(std::move(strangers_first), connections[0]);
    send_away(std::move(strangers_inner), connections[1]);
    const std::array<std::uint8_t, 1> byte{1};
    const int nested = inner.fd();
    REQUIRE(strangers_second.send_bytes(byte, std::span<const int>(&nested, 1)) == Channel::Sent::done);
    inner.close();
    strangers_second.close();
    const Instant begin = Clock::now();
    std::vector<UniqueFd> both;
    both.push_back(first.release());
    both.push_back(second.release());
    CHECK(close_without_waiting(both));
    CHECK(is_soon(begin));
    CHECK(connections[0].ends());
    CHECK(connections[1].ends());
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("strangers: an honest packet is taken from a link that trusts nobody") {
  auto [ours, theirs] = make_channel();
  const std::array<std::uint8_t, 2> bytes{1, 2};
  theirs.send_bytes(bytes, {});
  CHECK_FALSE(ours.brings_descriptors());
  EventLoop loop;
  std::size_t size = 0;
  std::size_t closed = 0;
  {
    Link link(
        loop, std::move(ours),
        [&](Packet& packet) {
          size = packet.bytes().size();
          loop.stop();
        },
        [](const std::string&) {}, 0);
    link.distrust([&](const UniqueFd&) { ++closed; });
    loop.run();
    CHECK(size == 2);
    CHECK(closed == 0);
  }
  CHECK(closed == 1);
}
