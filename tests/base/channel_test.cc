#include "base/channel.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <vector>

#include "tests/support/descriptors.h"

using namespace usher;
using namespace std::chrono_literals;

namespace {

enum class Kind : std::uint8_t { note = 1 };

struct Note {
  static constexpr auto kKind = Kind::note;
  std::uint32_t number = 0;
  static auto fields(auto& m) { return std::tie(m.number); }
};

UniqueFd dev_null() { return UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

}  // namespace

TEST_CASE("channel: a message and its descriptors come together, close-on-exec") {
  const std::size_t before = testing::open_descriptors();
  {
    auto [left, right] = make_channel();
    const UniqueFd first = dev_null();
    const UniqueFd second = dev_null();
    const std::array sent{first.get(), second.get()};
    REQUIRE(left.send(Note{5}, sent));
    Packet packet;
    REQUIRE(right.receive(packet) == Received::packet);
    CHECK(packet.as<Note>().number == 5);
    REQUIRE(packet.descriptors() == 2);
    const UniqueFd taken = packet.take_descriptor(0);
    CHECK((::fcntl(taken.get(), F_GETFD) & FD_CLOEXEC) != 0);
  }
  CHECK(testing::open_descriptors() == before);
}

TEST_CASE("channel: nothing there, and a peer that is gone, are told apart") {
  auto [left, right] = make_channel();
  Packet packet;
  CHECK(right.receive(packet) == Received::nothing);
  CHECK(right.wait_receive(packet, Clock::now() + 5ms) == Received::nothing);
  left.close();
  CHECK(right.receive(packet) == Received::closed);
  CHECK(right.wait_receive(packet, Clock::now() + 5s) == Received::closed);
  CHECK_FALSE(right.send(Note{1}));
}

TEST_CASE("channel: the last words of a peer that never read what it was sent are heard") {
  auto [left, right] = make_channel();
  REQUIRE(left.send(Note{1}));
  REQUIRE(right.send(Note{2}));
  right.close();
  Packet packet;
  REQUIRE(left.receive(packet) == Received::packet);
  CHECK(packet.as<Note>().number == 2);
  CHECK(left.receive(packet) == Received::closed);
}

TEST_CASE("channel: more descriptors than asked for are refused and none stays open") {
  const std::size_t before = testing::open_descriptors();
  {
    auto [left, right] = make_channel();
    const UniqueFd one = dev_null();
    const std::vector<int> sent(kMaxDescriptors, one.get());
    Packet packet;
    for (std::size_t asked = 0; asked < kMaxDescriptors; ++asked) {
      CAPTURE(asked);
      REQUIRE(left.send(Note{1}, std::span(sent).first(asked + 1)));
      CHECK_THROWS_AS(static_cast<void>(right.receive(packet, asked)), ProtocolError);
    }
    REQUIRE(left.send(Note{2}));
    CHECK(right.receive(packet, 0) == Received::packet);
    CHECK(packet.as<Note>().number == 2);
  }
  CHECK(testing::open_descriptors() == before);
}

TEST_CASE("channel: a packet longer than a message may be is refused") {
  auto [left, right] = make_channel();
  const std::vector<std::uint8_t> large(kMaxMessage + 1, 1);
  REQUIRE(::send(left.fd(), large.data(), large.size(), 0) == static_cast<ssize_t>(large.size()));
  Packet packet;
  CHECK_THROWS_AS(static_cast<void>(right.receive(packet)), ProtocolError);
}

TEST_CASE("channel: a peer that does not read is seen, not waited for") {
  auto [left, right] = make_channel();
  int sent = 0;
  while (left.send(Note{1}) && sent < 100'000) ++sent;
  CHECK(sent > 10);
  CHECK(sent < 100'000);
}
