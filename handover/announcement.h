// What the pool tells the listener: how each ready worker is reached.
//
// Model:  WorkerChannel + the listener's end of that worker's channel, before the worker's id is in the ready queue; so an id
//         that the listener receives is one it has heard of. A new listener is told of all ready workers, then Introduced.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/protocol.h"

namespace usher {

enum class PoolTellsListener : std::uint8_t { worker_channel = 1, introduced };

struct WorkerChannel {
  static constexpr auto kKind = PoolTellsListener::worker_channel;
  std::array<std::uint8_t, 16> id{};
  static auto fields(auto& m) { return std::tie(m.id); }
};

struct Introduced {
  static constexpr auto kKind = PoolTellsListener::introduced;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

enum class PoolState : std::uint8_t { known };
inline constexpr std::array kPoolAnnouncements{
    request<WorkerChannel>(in(PoolState::known), Often::any, 1),
    request<Introduced>(in(PoolState::known), Often::any, 0),
};

}  // namespace usher
