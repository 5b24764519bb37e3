// What the starter says to the template and to each worker, and what they answer. All of them are root's own programs; the
// tables hold all the same, since a worker runs PAM modules.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/protocol.h"
#include "base/service_messages.h"

namespace usher {

enum class StarterAsksTemplate : std::uint8_t { configure = 1, fork_worker };
enum class TemplateSays : std::uint8_t { ready = 1, failed, forked, fork_failed };

// Comes with the sealed configuration, once.
struct Prepare {
  static constexpr auto kKind = StarterAsksTemplate::configure;
  std::uint32_t generation = 0;
  static auto fields(auto& m) { return std::tie(m.generation); }
};

// Comes with the worker's three ends: starter, listener, pool.
struct ForkWorker {
  static constexpr auto kKind = StarterAsksTemplate::fork_worker;
  std::uint32_t number = 0;
  std::array<std::uint8_t, 16> id{};
  std::uint16_t pool = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.id, m.pool); }
};

struct TemplateReady {
  static constexpr auto kKind = TemplateSays::ready;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct TemplateFailed {
  static constexpr auto kKind = TemplateSays::failed;
  Text<600> reason;
  static auto fields(auto& m) { return std::tie(m.reason); }
};

struct Forked {
  static constexpr auto kKind = TemplateSays::forked;
  std::uint32_t number = 0;
  std::int32_t pid = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.pid); }
};

struct ForkFailed {
  static constexpr auto kKind = TemplateSays::fork_failed;
  std::uint32_t number = 0;
  std::int32_t error_number = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.error_number); }
};

enum class TemplateState : std::uint8_t { preparing, ready };
inline constexpr std::array kTemplateReports{
    request<TemplateReady>(in(TemplateState::preparing), Often::once, 0),
    request<TemplateFailed>(in(TemplateState::preparing), Often::once, 0),
    request<Forked>(in(TemplateState::ready), Often::any, 0),
    request<ForkFailed>(in(TemplateState::ready), Often::any, 0),
};

enum class StarterTellsWorker : std::uint8_t { end_job = 1 };
enum class WorkerTellsStarter : std::uint8_t { ready = 1, taken, session_started, session_ending };

// Ends the job: SIGTERM to the program now and SIGKILL after the delay; a login is evicted; an idle worker goes.
struct EndJob {
  static constexpr auto kKind = StarterTellsWorker::end_job;
  std::uint32_t delay_ms = 0;
  static auto fields(auto& m) { return std::tie(m.delay_ms); }
};

struct WorkerReady {
  static constexpr auto kKind = WorkerTellsStarter::ready;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// The deadline of the listener's login_timeout counts from here.
struct ClientTaken {
  static constexpr auto kKind = WorkerTellsStarter::taken;
  std::uint16_t listener = 0;
  static auto fields(auto& m) { return std::tie(m.listener); }
};

// The program runs: no deadline any more.
struct SessionStarted {
  static constexpr auto kKind = WorkerTellsStarter::session_started;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// Nothing is left but to close the PAM session and the connection: a short deadline counts from here.
struct SessionEnding {
  static constexpr auto kKind = WorkerTellsStarter::session_ending;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

enum class WorkerStage : std::uint8_t { forked, idle, login, session, ending };
inline constexpr std::array kWorkerNotices{
    request<WorkerReady>(in(WorkerStage::forked), Often::once, 0),
    request<ClientTaken>(in(WorkerStage::idle), Often::once, 0),
    request<SessionStarted>(in(WorkerStage::login), Often::once, 0),
    request<SessionEnding>(in(WorkerStage::idle, WorkerStage::login, WorkerStage::session), Often::once, 0),
};

// How a worker's exit status is read by the starter.
enum class WorkerExit : std::uint8_t {
  clean = 0,           // nothing is left below it
  unclean = 1,         // something failed; what is left below it must be looked for
  login_crashed = 3,   // its login process died by a signal: the template is made anew
  modules_missing = 4, // clean; PAM lacked a module when the template was made, which may be there by now: the same
};

}  // namespace usher
