#include "base/channel.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "base/pipe.h"
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

// So many descriptors more, until this goes: the kernel gives the lowest free numbers.
class FewDescriptors {
 public:
  explicit FewDescriptors(std::size_t room) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    rlim_t limit = 0;
    for (std::size_t free = 0; free < room || ::fcntl(static_cast<int>(limit), F_GETFD) >= 0; ++limit) {
      if (::fcntl(static_cast<int>(limit), F_GETFD) < 0) ++free;
    }
    const rlimit few{limit, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  rlimit before_{};
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

TEST_CASE("channel: as many descriptors as a message has room for come in their order, and one more is not sent") {
  const std::size_t before = testing::open_descriptors();
  {
    auto [left, right] = make_channel();
    std::vector<UniqueFd> files;
    std::vector<int> sent;
    for (std::size_t i = 0; i <= kMaxDescriptors; ++i) {
      files.emplace_back(::memfd_create("one of many", MFD_CLOEXEC));
      REQUIRE(::ftruncate(files.back().get(), static_cast<off_t>(i)) == 0);
      sent.push_back(files.back().get());
    }
    CHECK_THROWS_AS(left.send(Note{1}, sent), ProtocolError);
    REQUIRE(left.send(Note{2}, std::span(sent).first(kMaxDescriptors)));
    Packet packet;
    REQUIRE(right.receive(packet) == Received::packet);
    REQUIRE(packet.descriptors() == kMaxDescriptors);
    for (std::size_t i = 0; i < kMaxDescriptors; ++i) {
      CHECK(::lseek(packet.take_descriptor(i).get(), 0, SEEK_END) == static_cast<off_t>(i));
    }
  }
  CHECK(testing::open_descriptors() == before);
}

TEST_CASE("channel: where there is no room for all descriptors the packet is refused, and those that came are closed") {
  const std::size_t before = testing::open_descriptors();
  {
    auto [left, right] = make_channel();
    const UniqueFd one = dev_null();
    const std::vector<int> sent(8, one.get());
    for (std::size_t room = 0; room < sent.size(); ++room) {
      CAPTURE(room);
      REQUIRE(left.send(Note{1}, sent));
      {
        Packet packet;
        const FewDescriptors few(room);
        CHECK_THROWS_AS(static_cast<void>(right.receive(packet)), ProtocolError);
      }
      CHECK(testing::open_descriptors() == before + 3);
    }
    Packet packet;
    REQUIRE(left.send(Note{2}, sent));
    const FewDescriptors enough(sent.size());
    CHECK(right.receive(packet) == Received::packet);
    CHECK(packet.descriptors() == sent.size());
  }
  CHECK(testing::open_descriptors() == before);
}

TEST_CASE("channel: descriptors that nobody takes out are closed with the next packet, or with this one") {
  const std::size_t before = testing::open_descriptors();
  auto [left, right] = make_channel();
  const UniqueFd one = dev_null();
  const std::vector<int> sent(3, one.get());
  {
    Packet packet;
    REQUIRE(left.send(Note{1}, sent));
    REQUIRE(right.receive(packet) == Received::packet);
    CHECK(testing::open_descriptors() == before + 6);
    CHECK(right.receive(packet) == Received::nothing);
    CHECK(testing::open_descriptors() == before + 3);
    REQUIRE(left.send(Note{2}, sent));
    REQUIRE(right.receive(packet) == Received::packet);
  }
  CHECK(testing::open_descriptors() == before + 3);
}

TEST_CASE("channel: what is still in it when it is closed takes its descriptors along") {
  auto [left, right] = make_channel();
  Pipe pipe = make_pipe();
  REQUIRE(left.send(Note{1}, pipe.write.get()));
  pipe.write.reset();
  char byte = 0;
  CHECK(::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) == 0);
  CHECK(::read(pipe.read.get(), &byte, 1) == -1);  // nothing yet: the packet keeps the other end open
  right.close();
  left.close();
  CHECK(::read(pipe.read.get(), &byte, 1) == 0);
}

TEST_CASE("channel: descriptors without a byte, and with too many bytes, are no packet, and none stays open") {
  const std::size_t before = testing::open_descriptors();
  {
    auto [left, right] = make_channel();
    const UniqueFd one = dev_null();
    const std::vector<int> sent(2, one.get());
    {
      Packet packet;
      REQUIRE(left.send_bytes({}, sent) == Channel::Sent::done);
      CHECK(right.receive(packet) == Received::closed);  // as from a peer that has gone
      const std::vector<std::uint8_t> large(kMaxMessage + 1, 1);
      REQUIRE(left.send_bytes(large, sent) == Channel::Sent::done);
      CHECK_THROWS_AS(static_cast<void>(right.receive(packet)), ProtocolError);
    }
    CHECK(testing::open_descriptors() == before + 3);
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
