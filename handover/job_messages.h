// What the processes of jobs ask of the pool over jobs.sock, and what a giver and a taker of descriptors say to each
// other.
//
// Model:  one request a connection. WhoAmI: YourJob or AskRefused. Take and Give wait until the pool has one of each
// for a job. Then it
//         makes a channel: the taker gets Offer + one end, the giver Found + the other, and the pool keeps neither.
//         In that channel: Parcel + the descriptors, and the taker's Took. A taker whose Took cannot be sent drops what
//         it got: the giver has withdrawn it, or is dead. A giver whose channel ends without Took has given nothing.
// Trust:  who asks is what the kernel says of the connection; of a peer's words only its wish is taken. The pool takes
// no
//         descriptor from anybody here: to close the last reference to a hostile one may block.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/job_id.h"
#include "base/protocol.h"

namespace usher {

inline constexpr std::size_t kMaxParcelData = 1024;
inline constexpr std::size_t kMaxJobName = 300;  // number, user, pool

enum class JobAsks : std::uint8_t { who_am_i = 1, give, take };
enum class PoolAnswers : std::uint8_t { your_job = 1, refused, offer, found };
enum class GiverSays : std::uint8_t { parcel = 1 };
enum class TakerSays : std::uint8_t { took = 1 };

struct WhoAmI {
  static constexpr auto kKind = JobAsks::who_am_i;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Give {
  static constexpr auto kKind = JobAsks::give;
  Text<kMaxJobName> target;  // an id in hex, a name, or a number
  static auto fields(auto& m) { return std::tie(m.target); }
};

struct Take {
  static constexpr auto kKind = JobAsks::take;
  std::array<std::uint8_t, 16> source{};  // only what this job gives; all zero: any
  static auto fields(auto& m) { return std::tie(m.source); }
};

struct YourJob {
  static constexpr auto kKind = PoolAnswers::your_job;
  std::array<std::uint8_t, 16> id{};
  Text<kMaxJobName> name;
  static auto fields(auto& m) { return std::tie(m.id, m.name); }
};

enum class RefusalReason : std::uint8_t { no_such_job, not_authorized, no_job_yourself };
constexpr RefusalReason last_of(RefusalReason) {
  return RefusalReason::no_job_yourself;
}

struct AskRefused {
  static constexpr auto kKind = PoolAnswers::refused;
  RefusalReason reason = RefusalReason::no_such_job;
  static auto fields(auto& m) { return std::tie(m.reason); }
};

struct Offer {
  static constexpr auto kKind = PoolAnswers::offer;
  std::array<std::uint8_t, 16> giver{};  // all zero: root, from outside of all jobs
  Text<kMaxJobName> giver_name;
  std::uint32_t user = 0;
  std::int32_t process = 0;
  static auto fields(auto& m) { return std::tie(m.giver, m.giver_name, m.user, m.process); }
};

struct Found {
  static constexpr auto kKind = PoolAnswers::found;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Parcel {
  static constexpr auto kKind = GiverSays::parcel;
  Text<kMaxParcelData> data;
  static auto fields(auto& m) { return std::tie(m.data); }
};

struct Took {
  static constexpr auto kKind = TakerSays::took;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

enum class AskerState : std::uint8_t { fresh, asked };
inline constexpr std::array kJobRequests{
    request<WhoAmI>(in(AskerState::fresh), Often::once, 0),
    request<Give>(in(AskerState::fresh), Often::once, 0),
    request<Take>(in(AskerState::fresh), Often::once, 0),
};

}  // namespace usher
