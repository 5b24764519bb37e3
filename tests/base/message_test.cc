#include "base/message.h"

#include <doctest/doctest.h>

#include <cstring>
#include <vector>

#include "base/protocol.h"

using namespace usher;

namespace {

enum class Kind : std::uint8_t { sample = 7, password = 8 };
enum class Echo : std::uint8_t { off, on };
constexpr Echo last_of(Echo) { return Echo::on; }

struct Sample {
  static constexpr auto kKind = Kind::sample;
  std::uint16_t port = 0;
  std::int64_t at = 0;
  bool last = false;
  Echo echo = Echo::off;
  std::array<std::uint8_t, 3> id{};
  Text<8> name;
  static auto fields(auto& m) { return std::tie(m.port, m.at, m.last, m.echo, m.id, m.name); }
};

struct Password {
  static constexpr auto kKind = Kind::password;
  Secret secret;
  static auto fields(auto& m) { return std::tie(m.secret); }
};

std::vector<std::uint8_t> bytes_of(const auto& message) {
  std::array<std::uint8_t, kMaxMessage> room{};
  const std::size_t size = encode(message, room);
  return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)};
}

Sample sample() { return {0x1234, -2, true, Echo::on, {1, 2, 3}, "name"}; }

}  // namespace

TEST_CASE("message: the wire form is little-endian, in the order of the list") {
  CHECK(bytes_of(sample()) == std::vector<std::uint8_t>{7, 0x34, 0x12, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,
                                                        1, 1, 2, 3, 4, 0, 'n', 'a', 'm', 'e'});
}

TEST_CASE("message: what is written is read") {
  const auto read = decode<Sample>(bytes_of(sample()));
  CHECK(read.port == 0x1234);
  CHECK(read.at == -2);
  CHECK(read.last);
  CHECK(read.echo == Echo::on);
  CHECK(read.id == std::array<std::uint8_t, 3>{1, 2, 3});
  CHECK(read.name.str() == "name");
}

TEST_CASE("message: every cut and every trailing byte is a protocol error") {
  const auto whole = bytes_of(sample());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_THROWS_AS(decode<Sample>(std::span(whole).first(size)), ProtocolError);
  }
  auto longer = whole;
  longer.push_back(0);
  CHECK_THROWS_AS(decode<Sample>(longer), ProtocolError);
}

TEST_CASE("message: values out of range are protocol errors") {
  const auto whole = bytes_of(sample());
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto changed = whole;
    changed[at] = value;
    return changed;
  };
  CHECK_THROWS_AS(decode<Sample>(with(0, 8)), ProtocolError);    // another kind
  CHECK_THROWS_AS(decode<Sample>(with(11, 2)), ProtocolError);   // neither true nor false
  CHECK_THROWS_AS(decode<Sample>(with(12, 2)), ProtocolError);   // no such enum value
  CHECK_THROWS_AS(decode<Sample>(with(16, 9)), ProtocolError);   // text over its cap
  CHECK_THROWS_AS(decode<Sample>(with(17, 255)), ProtocolError);
}

TEST_CASE("message: a text is cut to its cap at a character when a message is made") {
  Sample long_name;
  long_name.name = "1234567\xC3\xA9";
  CHECK(decode<Sample>(bytes_of(long_name)).name.str() == "1234567");
}

TEST_CASE("message: a secret of full length survives the wire") {
  Password password;
  const std::vector<std::uint8_t> typed(Secret::kMax, 0xA5);
  REQUIRE(password.secret.append(typed));
  CHECK_FALSE(password.secret.append(std::vector<std::uint8_t>{1}));
  const auto read = decode<Password>(bytes_of(password));
  CHECK(std::vector<std::uint8_t>(read.secret.bytes().begin(), read.secret.bytes().end()) == typed);
}

TEST_CASE("secret: what was held is wiped in place") {
  Secret secret;
  REQUIRE(secret.append(std::vector<std::uint8_t>{'p', 'w'}));
  const std::uint8_t* at = secret.bytes().data();
  const Secret taken = std::move(secret);
  CHECK(taken.size() == 2);
  CHECK(at[0] == 0);
  CHECK(at[1] == 0);
}

TEST_CASE("gate: state, repetition, length and descriptors are enforced") {
  enum class State { first, second };
  static constexpr std::array kTable{
      request<Sample>(in(State::first), Often::any, 0),
      request<Password>(in(State::first, State::second), Often::once, 1),
  };
  Gate gate(kTable);
  const auto sample_bytes = bytes_of(sample());
  const auto password_bytes = bytes_of(Password{});
  const auto state = [](State s) { return static_cast<unsigned>(s); };
  CHECK_NOTHROW(gate.admit(sample_bytes, 0, state(State::first)));
  CHECK_NOTHROW(gate.admit(sample_bytes, 0, state(State::first)));
  CHECK_THROWS_AS(gate.admit(sample_bytes, 0, state(State::second)), ProtocolError);
  CHECK_THROWS_AS(gate.admit(sample_bytes, 1, state(State::first)), ProtocolError);
  CHECK_THROWS_AS(gate.admit(std::vector<std::uint8_t>(200, 7), 0, state(State::first)), ProtocolError);
  CHECK_THROWS_AS(gate.admit(std::vector<std::uint8_t>{99}, 0, state(State::first)), ProtocolError);
  CHECK_THROWS_AS(gate.admit(std::vector<std::uint8_t>{}, 0, state(State::first)), ProtocolError);
  CHECK_NOTHROW(gate.admit(password_bytes, 1, state(State::second)));
  CHECK_THROWS_AS(gate.admit(password_bytes, 1, state(State::second)), ProtocolError);
}
