// What a worker tells the pool, and what the pool answers.
//
// Model:  worker: Joined (its login process is up) -> idle;   TookClient;   LogPipe + the job log's read end;
//                 Claim -> pool: Granted or Denied;   Active;   Ended (how; the process goes a little later)
//         pool:   Retire, to an idle worker.
//         An own worker: LogPipe, OwnProgram + the page of its use, Joined when the program is about to take;   Ended.
//         A worker with a client whose pool died connects to pool.sock: Resume, then LogPipe and an open Claim again.
// Trust:  workers are root's. The pool believes what they say of their own job, and the starter about their lives.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "base/protocol.h"
#include "base/reply.h"

namespace usher {

enum class WorkerTellsPool : std::uint8_t { joined = 1, resume, took_client, log_pipe, claim, active, ended, own_program };
enum class PoolSays : std::uint8_t { granted = 1, denied, retire };

struct Joined {
  static constexpr auto kKind = WorkerTellsPool::joined;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// How far a job is, as its worker knows it.
enum class JobStage : std::uint8_t { starting, ready, login, active, ending, unknown };
constexpr JobStage last_of(JobStage) { return JobStage::unknown; }

// What stands between the client and its program.
enum class Transport : std::uint8_t { none, plain, tls_relay, tls_kernel };
constexpr Transport last_of(Transport) { return Transport::tls_kernel; }
constexpr std::string_view text_of(Transport transport) {
  constexpr std::array<std::string_view, 4> kNames{"", "plain", "tls-relay", "tls-kernel"};
  return kNames.at(static_cast<std::size_t>(transport));
}

// Everything that a pool without a memory must know of this job.
struct Resume {
  static constexpr auto kKind = WorkerTellsPool::resume;
  std::uint32_t number = 0;
  std::array<std::uint8_t, 16> id{};
  JobStage stage = JobStage::ready;
  Text<32> listener;
  Text<128> client;
  Text<32> program;  // of the claim that was granted
  Text<256> user;
  std::int32_t program_pid = 0;
  Transport transport = Transport::none;
  static auto fields(auto& m) {
    return std::tie(m.number, m.id, m.stage, m.listener, m.client, m.program, m.user, m.program_pid, m.transport);
  }
};

struct TookClient {
  static constexpr auto kKind = WorkerTellsPool::took_client;
  Text<32> listener;
  Text<128> client;
  static auto fields(auto& m) { return std::tie(m.listener, m.client); }
};

struct LogPipe {
  static constexpr auto kKind = WorkerTellsPool::log_pipe;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Claim {
  static constexpr auto kKind = WorkerTellsPool::claim;
  Text<32> program;
  Text<256> user;
  bool reserved = false;  // a place that others leave free will do
  static auto fields(auto& m) { return std::tie(m.program, m.user, m.reserved); }
};

struct Active {
  static constexpr auto kKind = WorkerTellsPool::active;
  std::int32_t program_pid = 0;
  Transport transport = Transport::plain;
  static auto fields(auto& m) { return std::tie(m.program_pid, m.transport); }
};

enum class EndKind : std::uint8_t { normal, status, signal, refused, evicted, retired, lost };
constexpr EndKind last_of(EndKind) { return EndKind::lost; }

struct Ended {
  static constexpr auto kKind = WorkerTellsPool::ended;
  EndKind kind = EndKind::lost;
  std::int32_t value = 0;  // exit status, signal number, or the code of the refusal
  static auto fields(auto& m) { return std::tie(m.kind, m.value); }
};

// Comes with the page of its use (handover/own_connection.h), before Joined.
struct OwnProgram {
  static constexpr auto kKind = WorkerTellsPool::own_program;
  std::int32_t program_pid = 0;
  Text<256> user;
  static auto fields(auto& m) { return std::tie(m.program_pid, m.user); }
};

struct Granted {
  static constexpr auto kKind = PoolSays::granted;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Denied {
  static constexpr auto kKind = PoolSays::denied;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Retire {
  static constexpr auto kKind = PoolSays::retire;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

inline constexpr std::array kWorkerJobReports{
    request<Joined>(in(JobStage::starting), Often::once, 0),
    request<Resume>(in(JobStage::unknown), Often::once, 0),
    // A spawned worker finds its client before the pool has heard of its process.
    // By a proxy a client is told of twice: the proxy, and whom it speaks for.
    request<TookClient>(in(JobStage::starting, JobStage::ready, JobStage::login), Often::any, 0),
    // Before it is ready, or when it comes back idle: an own worker.
    request<LogPipe>(in(JobStage::starting, JobStage::ready, JobStage::login, JobStage::active, JobStage::ending),
                     Often::once, 1),
    request<OwnProgram>(in(JobStage::starting, JobStage::ready), Often::once, 1),
    request<Claim>(in(JobStage::login), Often::any, 0),
    request<Active>(in(JobStage::login), Often::once, 0),
    request<Ended>(in(JobStage::starting, JobStage::ready, JobStage::login, JobStage::active), Often::once, 0),
};

}  // namespace usher
