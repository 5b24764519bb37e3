#include "worker/line_reader.h"

#include <string.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace usher {
namespace {

constexpr std::uint8_t kNul = 0, kLineFeed = 10, kCarriageReturn = 13;

// Source: RFC 854.
constexpr std::uint8_t kIac = 255, kDont = 254, kWill = 251, kSubnegotiation = 250, kSubnegotiationEnd = 240;

// What was looked at may hold a secret.
struct Look {
  ~Look() { explicit_bzero(bytes.data(), bytes.size()); }
  std::array<std::uint8_t, 1100> bytes{};
};

}  // namespace

LineReader::Result LineReader::read() {
  while (true) {
    Look look;
    const ssize_t got = client_.peek(look.bytes);
    if (got < 0 && errno == EAGAIN) return Result::more;
    if (got <= 0) return got == 0 && in_a_line() ? Result::bad : Result::ended;
    if (const auto result = take_from(static_cast<std::size_t>(got), look.bytes.data())) return *result;
  }
}

std::optional<LineReader::Result> LineReader::take_from(std::size_t available, const std::uint8_t* bytes) {
  Step result = Step::go_on;
  std::size_t used = 0;
  while (used < available && result == Step::go_on) result = step(bytes[used++]);
  Look taken;
  if (client_.receive(std::span(taken.bytes).first(used)) != static_cast<ssize_t>(used)) return Result::ended;
  if (result == Step::bad) return Result::bad;
  if (result == Step::go_on) return std::nullopt;
  return whole_line_is_text() ? Result::line : Result::bad;
}

LineReader::Step LineReader::step(std::uint8_t byte) {
  if (state_ == State::text || state_ == State::carriage_return) return text_byte(byte);
  return telnet_byte(byte);
}

LineReader::Step LineReader::text_byte(std::uint8_t byte) {
  if (telnet_ && byte == kIac) {
    speaks_telnet_ = true;
    resumed_ = std::exchange(state_, State::command);
    return Step::go_on;
  }
  const bool after_return = state_ == State::carriage_return;
  state_ = State::text;
  if (byte == kLineFeed || (byte == kNul && after_return)) return Step::end_of_line;
  if (after_return && keep(kCarriageReturn) == Step::bad) return Step::bad;
  if (byte == kCarriageReturn) {
    state_ = State::carriage_return;
    return Step::go_on;
  }
  return keep(byte);
}

LineReader::Step LineReader::telnet_byte(std::uint8_t byte) {
  switch (state_) {
    case State::command:
      if (byte == kIac) {
        state_ = State::text;
        return keep(kIac);
      }
      state_ = byte == kSubnegotiation ? State::subnegotiation : byte >= kWill && byte <= kDont ? State::option : resumed_;
      break;
    case State::option: state_ = resumed_; break;
    case State::subnegotiation:
      if (byte == kIac) state_ = State::subnegotiation_command;
      break;
    case State::subnegotiation_command:
      state_ = byte == kSubnegotiationEnd ? resumed_ : State::subnegotiation;
      break;
    case State::text:
    case State::carriage_return: break;
  }
  return Step::go_on;
}

LineReader::Step LineReader::keep(std::uint8_t byte) {
  return byte != kNul && line_.append({&byte, 1}) ? Step::go_on : Step::bad;
}

bool LineReader::whole_line_is_text() const {
  const auto bytes = line_.bytes();
  return is_utf8({reinterpret_cast<const char*>(bytes.data()), bytes.size()});  // NOLINT: bytes as characters
}

bool LineReader::take_telnet_command() {
  Look look;
  const ssize_t got = client_.peek(std::span(look.bytes).first(3));
  const bool is_option = got == 3 && look.bytes[0] == kIac && look.bytes[1] >= kWill && look.bytes[1] <= kDont;
  return telnet_ && is_option && client_.receive(std::span(look.bytes).first(3)) == 3;
}

}  // namespace usher
