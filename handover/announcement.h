// What pool and listener tell each other of workers: how each is reached, how many wait, and that one is wanted.
//
// Model:  pool, road "queue":  WorkerChannel + the listener's end of that worker's channel, before the worker's id is in the
//                              ready queue; so an id that the listener receives is one it has heard of, or will.
//               road "shared": SharedChannel + the listener's end of the channel on which the pool's idle workers wait, and
//                              SharedReady whenever their number changes. A new channel ends the one before it.
//               own workers:   OwnChannel + both ends of that channel. A new one takes the place of the one before it.
//         A new listener is told of all that, then Introduced.
//         listener, road "spawn": SpawnWorker + the worker's end of a channel that already holds the hand-over.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/protocol.h"

namespace usher {

enum class PoolTellsListener : std::uint8_t { worker_channel = 1, introduced, shared_channel, shared_ready, own_channel };
enum class ListenerAsksPool : std::uint8_t { spawn_worker = 1 };

struct WorkerChannel {
  static constexpr auto kKind = PoolTellsListener::worker_channel;
  std::array<std::uint8_t, 16> id{};
  Text<32> pool;
  static auto fields(auto& m) { return std::tie(m.id, m.pool); }
};

struct Introduced {
  static constexpr auto kKind = PoolTellsListener::introduced;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct SharedChannel {
  static constexpr auto kKind = PoolTellsListener::shared_channel;
  Text<32> pool;
  static auto fields(auto& m) { return std::tie(m.pool); }
};

struct SharedReady {
  static constexpr auto kKind = PoolTellsListener::shared_ready;
  Text<32> pool;
  std::uint32_t idle = 0;
  static auto fields(auto& m) { return std::tie(m.pool, m.idle); }
};

// Comes with two ends of the channel to the workers of a pool that has a command: the one to write to, and theirs, from which
// the listener takes back what no worker has read.
struct OwnChannel {
  static constexpr auto kKind = PoolTellsListener::own_channel;
  Text<32> pool;
  static auto fields(auto& m) { return std::tie(m.pool); }
};

// `may_wait`: for a place, when the pool has none; else the pool answers NoRoom in that channel.
struct SpawnWorker {
  static constexpr auto kKind = ListenerAsksPool::spawn_worker;
  Text<32> pool;
  bool may_wait = true;
  static auto fields(auto& m) { return std::tie(m.pool, m.may_wait); }
};

enum class PoolState : std::uint8_t { known };
inline constexpr std::array kPoolAnnouncements{
    request<WorkerChannel>(in(PoolState::known), Often::any, 1),
    request<Introduced>(in(PoolState::known), Often::any, 0),
    request<SharedChannel>(in(PoolState::known), Often::any, 1),
    request<SharedReady>(in(PoolState::known), Often::any, 0),
    request<OwnChannel>(in(PoolState::known), Often::any, 2),
};
inline constexpr std::array kListenerWishes{
    request<SpawnWorker>(in(PoolState::known), Often::any, 1),
};

}  // namespace usher
