// Messages between processes: one struct a message, its fields listed once, read and written by walking that list.
//
//   struct Taken {
//     static constexpr auto kKind = WorkerSays::taken;     // an enum of one byte, one enum a channel and direction
//     std::uint16_t listener = 0;
//     Text<64> client;
//     static auto fields(auto& m) { return std::tie(m.listener, m.client); }
//   };
//
// Shape:  kind (1 byte), then the fields in their order: integers little-endian in their own width, bool and enums one byte
//         or their underlying width, Text and Secret as a 16-bit length and the bytes, arrays of bytes as they are.
//         A message is at most kMaxMessage bytes; it is one SOCK_SEQPACKET packet.
// Errors: ProtocolError for everything that is not exactly that: another kind, a length over its cap, a missing or a
//         trailing byte, an enum or bool out of range.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "base/secret.h"
#include "usher/error.h"

namespace usher {

inline constexpr std::size_t kMaxMessage = 2048;

class ProtocolError : public Error {
 public:
  explicit ProtocolError(const std::string& what) : Error(ErrorCode::protocol, what) {}
};

// A string with a cap that belongs to its message. Longer text is cut when a message is made (at a UTF-8 border), and is a
// protocol error when one is read.
template <std::size_t Max>
class Text {
 public:
  static constexpr std::size_t kMax = Max;

  Text() = default;
  // Conversions are meant: a text is a string with a cap.
  Text(std::string_view text) : value_(text.substr(0, cut(text))) {}
  Text(const std::string& text) : Text(std::string_view(text)) {}
  Text(const char* text) : Text(std::string_view(text)) {}

  const std::string& str() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }
  bool operator==(const Text&) const = default;

 private:
  static std::size_t cut(std::string_view text) {
    if (text.size() <= Max) return text.size();
    std::size_t end = Max;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return end;
  }

  std::string value_;
};

// The last value of an enum that travels; enums without one cannot be fields.  `enum class Echo : std::uint8_t {off, on};
// constexpr Echo last_of(Echo) { return Echo::on; }`
template <class E>
concept WireEnum = std::is_enum_v<E> && requires(E e) {
  { last_of(e) } -> std::same_as<E>;
};

namespace wire {

class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> room) : room_(room) {}
  std::size_t size() const noexcept { return used_; }

  template <std::integral T>
  void put(T value) {
    using Unsigned = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;
    auto bits = static_cast<Unsigned>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      put_byte(static_cast<std::uint8_t>(bits & 0xFF));
      if constexpr (sizeof(T) > 1) bits = static_cast<Unsigned>(bits >> 8);
    }
  }
  template <class E>
  requires std::is_enum_v<E>
  void put(E value) { put(static_cast<std::underlying_type_t<E>>(value)); }
  template <std::size_t N>
  void put(const std::array<std::uint8_t, N>& bytes) { put_bytes(bytes); }
  template <std::size_t Max>
  void put(const Text<Max>& text) {
    put(static_cast<std::uint16_t>(text.str().size()));
    for (const char c : text.str()) put_byte(static_cast<std::uint8_t>(c));
  }
  void put(const Secret& secret) {
    put(static_cast<std::uint16_t>(secret.size()));
    put_bytes(secret.bytes());
  }

 private:
  void put_byte(std::uint8_t byte) {
    if (used_ == room_.size()) throw ProtocolError("a message is longer than a packet may be");
    room_[used_++] = byte;
  }
  void put_bytes(std::span<const std::uint8_t> bytes) {
    for (const std::uint8_t byte : bytes) put_byte(byte);
  }

  std::span<std::uint8_t> room_;
  std::size_t used_ = 0;
};

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  void end() const {
    if (!bytes_.empty()) throw ProtocolError("trailing bytes in a message");
  }
  template <std::integral T>
  void get(T& value) {
    using Unsigned = std::make_unsigned_t<std::conditional_t<std::is_same_v<T, bool>, std::uint8_t, T>>;
    Unsigned bits = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bits = static_cast<Unsigned>(bits | static_cast<Unsigned>(static_cast<Unsigned>(take(1)[0]) << (8 * i)));
    }
    if constexpr (std::is_same_v<T, bool>) {
      if (bits > 1) throw ProtocolError("a truth value is neither 0 nor 1");
    }
    value = static_cast<T>(bits);
  }
  template <WireEnum E>
  void get(E& value) {
    std::underlying_type_t<E> bits{};
    get(bits);
    if (bits < 0 || bits > static_cast<std::underlying_type_t<E>>(last_of(E{}))) {
      throw ProtocolError("an enumeration is out of range");
    }
    value = static_cast<E>(bits);
  }
  template <std::size_t N>
  void get(std::array<std::uint8_t, N>& bytes) {
    const auto from = take(N);
    for (std::size_t i = 0; i < N; ++i) bytes[i] = from[i];
  }
  template <std::size_t Max>
  void get(Text<Max>& text) {
    const auto from = take(length(Max));
    std::string value;
    value.reserve(from.size());
    for (const std::uint8_t byte : from) value += static_cast<char>(byte);
    text = Text<Max>(value);
  }
  void get(Secret& secret) {
    secret.wipe();
    secret.append(take(length(Secret::kMax)));
  }

 private:
  std::size_t length(std::size_t cap) {
    std::uint16_t length = 0;
    get(length);
    if (length > cap) throw ProtocolError("a text in a message is longer than agreed");
    return length;
  }
  std::span<const std::uint8_t> take(std::size_t count) {
    if (count > bytes_.size()) throw ProtocolError("a message is cut short");
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }

  std::span<const std::uint8_t> bytes_;
};

template <class T>
struct MaxSize {
  static constexpr std::size_t value = sizeof(T);  // integers, enums
};
template <std::size_t N>
struct MaxSize<std::array<std::uint8_t, N>> {
  static constexpr std::size_t value = N;
};
template <std::size_t Max>
struct MaxSize<Text<Max>> {
  static constexpr std::size_t value = 2 + Max;
};
template <>
struct MaxSize<Secret> {
  static constexpr std::size_t value = 2 + Secret::kMax;
};
template <class Tuple>
struct MaxSizeOfFields;
template <class... F>
struct MaxSizeOfFields<std::tuple<F...>> {
  static constexpr std::size_t value = (std::size_t{0} + ... + MaxSize<std::remove_cvref_t<F>>::value);
};

}  // namespace wire

// The most bytes message M can take on the wire, from its list of fields.
template <class M>
constexpr std::size_t max_wire_size() {
  return 1 + wire::MaxSizeOfFields<decltype(M::fields(std::declval<M&>()))>::value;
}

template <class M>
std::size_t encode(const M& message, std::span<std::uint8_t> room) {
  static_assert(max_wire_size<M>() <= kMaxMessage);
  wire::Writer writer(room);
  writer.put(static_cast<std::uint8_t>(M::kKind));
  std::apply([&](const auto&... field) { (writer.put(field), ...); }, M::fields(message));
  return writer.size();
}

template <class M>
M decode(std::span<const std::uint8_t> bytes) {
  wire::Reader reader(bytes);
  std::uint8_t kind = 0;
  reader.get(kind);
  if (kind != static_cast<std::uint8_t>(M::kKind)) throw ProtocolError("a message of another kind");
  M message;
  std::apply([&](auto&... field) { (reader.get(field), ...); }, M::fields(message));
  reader.end();
  return message;
}

}  // namespace usher
