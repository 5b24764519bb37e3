// What usher-public tells the pool of its jobs, and what the pool answers. None of it is waited for by a client.
//
// Model:  public: OwnLog + the read end of its programs' standard error, then PublicBegan for what runs already;
//                 NeedNumbers whenever few are left;   PublicBegan, PublicEnded.
//         pool:   Numbers, which no other job has.
//         One that ends soon is told of with both at once; of very many a second some are not told of (public_records.h).
// Trust:  usher-public is a user's process. The pool takes numbers that no other job has, and from the starter which listener, program
//         and user they belong to; pid, times and ends are shown as they are told.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/protocol.h"
#include "worker/pool_messages.h"

namespace usher {

enum class PublicTellsPool : std::uint8_t { own_log = 1, need_numbers, began, ended };
enum class PoolTellsPublic : std::uint8_t { numbers = 1 };

struct OwnLog {
  static constexpr auto kKind = PublicTellsPool::own_log;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct NeedNumbers {
  static constexpr auto kKind = PublicTellsPool::need_numbers;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct PublicBegan {
  static constexpr auto kKind = PublicTellsPool::began;
  std::uint32_t number = 0;
  std::array<std::uint8_t, 16> id{};
  std::int32_t pid = 0;
  std::int64_t entered = 0;  // milliseconds since 1970
  Text<128> client;
  static auto fields(auto& m) { return std::tie(m.number, m.id, m.pid, m.entered, m.client); }
};

struct PublicEnded {
  static constexpr auto kKind = PublicTellsPool::ended;
  std::uint32_t number = 0;
  Ended how;
  std::int64_t ended = 0;
  std::uint64_t cpu_us = 0;
  std::uint64_t max_rss_kb = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.how.kind, m.how.value, m.ended, m.cpu_us, m.max_rss_kb); }
};

struct Numbers {
  static constexpr auto kKind = PoolTellsPublic::numbers;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  static auto fields(auto& m) { return std::tie(m.first, m.count); }
};

enum class PublicState : std::uint8_t { known };
inline constexpr std::array kPublicReports{
    request<OwnLog>(in(PublicState::known), Often::once, 1),
    request<NeedNumbers>(in(PublicState::known), Often::any, 0),
    request<PublicBegan>(in(PublicState::known), Often::any, 0),
    request<PublicEnded>(in(PublicState::known), Often::any, 0),
};

}  // namespace usher
