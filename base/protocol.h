// What a peer may ask, as a table: which message in which states, once or often, with how many descriptors. A packet that
// passes the table is still decoded by its message; one that does not is a ProtocolError, and the side that enforces the
// table ends the connection to that peer (in the root side: the process).
//
//   inline constexpr std::array kRequests{
//       request<Ready>(in(State::starting), Often::once, 0),
//       request<StartLogin>(in(State::asking), Often::any, 0),
//   };
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/channel.h"
#include "base/message.h"

namespace usher {

enum class Often { once, any };

struct Request {
  std::uint8_t kind;
  std::uint32_t states;  // a bit a state
  Often often;
  std::size_t descriptors;
  std::size_t bytes;  // the most it can have, from its list of fields
};

template <class... States>
constexpr std::uint32_t in(States... states) {
  return (0U | ... | (1U << static_cast<unsigned>(states)));
}

template <class M>
constexpr Request request(std::uint32_t states, Often often, std::size_t descriptors) {
  return {static_cast<std::uint8_t>(M::kKind), states, often, descriptors, max_wire_size<M>()};
}

// Enforces one table for one peer; remembers what has come once.
class Gate {
 public:
  explicit constexpr Gate(std::span<const Request> table) : table_(table) {}

  template <class State>
  void check(const Packet& packet, State state) {
    admit(packet.bytes(), packet.descriptors(), static_cast<unsigned>(state));
  }
  void admit(std::span<const std::uint8_t> bytes, std::size_t descriptors, unsigned state) {
    const Request* asked = bytes.empty() ? nullptr : find(bytes[0]);
    if (asked == nullptr) throw ProtocolError("a message of unknown kind");
    const std::string kind = "message kind " + std::to_string(bytes[0]);
    if ((asked->states & (1U << state)) == 0) throw ProtocolError(kind + " is not allowed in state " + std::to_string(state));
    if (bytes.size() > asked->bytes) throw ProtocolError(kind + " is too long");
    if (descriptors != asked->descriptors) throw ProtocolError(kind + " came with the wrong number of descriptors");
    const auto bit = std::uint64_t{1} << (asked - table_.data());
    if (asked->often == Often::once && (seen_ & bit) != 0) throw ProtocolError(kind + " came twice");
    seen_ |= bit;
  }

 private:
  const Request* find(std::uint8_t kind) const {
    for (const Request& request : table_) {
      if (request.kind == kind) return &request;
    }
    return nullptr;
  }

  std::span<const Request> table_;
  std::uint64_t seen_ = 0;
};

}  // namespace usher
