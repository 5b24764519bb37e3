// What `usher` asks of the starter over control.sock.
//
// Model:  one request a connection; the starter answers with any number of Fact and Progress, then one Done, and closes. Only
//         root and the starter's own user may connect: the socket's mode says so, and SO_PEERCRED once more.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/protocol.h"

namespace usher {

enum class ControlAsks : std::uint8_t { status = 1, stop, reload, end_job, restart, reset_figures };
enum class ControlSays : std::uint8_t { fact = 1, progress, done };

struct AskStatus {
  static constexpr auto kKind = ControlAsks::status;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct AskStop {
  static constexpr auto kKind = ControlAsks::stop;
  bool drain = false;  // wait for running programs, however long they take
  static auto fields(auto& m) { return std::tie(m.drain); }
};

struct AskReload {
  static constexpr auto kKind = ControlAsks::reload;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct AskEndJob {
  static constexpr auto kKind = ControlAsks::end_job;
  std::uint32_t number = 0;
  std::uint32_t delay_ms = 0;  // from SIGTERM to SIGKILL; 0: SIGKILL at once
  static auto fields(auto& m) { return std::tie(m.number, m.delay_ms); }
};

struct AskRestart {
  static constexpr auto kKind = ControlAsks::restart;
  bool listener = false;
  bool pool = false;
  bool starter = false;  // with the two others
  static auto fields(auto& m) { return std::tie(m.listener, m.pool, m.starter); }
};

// What is counted of pools begins anew.
struct AskResetFigures {
  static constexpr auto kKind = ControlAsks::reset_figures;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

enum class ControlState : std::uint8_t { asking, answering };
inline constexpr std::array kControlRequests{
    request<AskStatus>(in(ControlState::asking), Often::once, 0),
    request<AskStop>(in(ControlState::asking), Often::once, 0),
    request<AskReload>(in(ControlState::asking), Often::once, 0),
    request<AskEndJob>(in(ControlState::asking), Often::once, 0),
    request<AskRestart>(in(ControlState::asking), Often::once, 0),
    request<AskResetFigures>(in(ControlState::asking), Often::once, 0),
};

// One item of `usher status`. Shape: group "listener", name "generic", key "address", value "127.0.0.1:4000".
struct Fact {
  static constexpr auto kKind = ControlSays::fact;
  Text<32> group;
  Text<32> name;
  Text<32> key;
  Text<256> value;
  static auto fields(auto& m) { return std::tie(m.group, m.name, m.key, m.value); }
};

struct Progress {
  static constexpr auto kKind = ControlSays::progress;
  Text<1500> text;
  static auto fields(auto& m) { return std::tie(m.text); }
};

struct Done {
  static constexpr auto kKind = ControlSays::done;
  std::uint8_t exit_status = 0;  // of the command
  Text<1000> text;               // may be empty
  static auto fields(auto& m) { return std::tie(m.exit_status, m.text); }
};

}  // namespace usher
