// What the starter and its two services, listener and pool, say to each other.
//
// Model:  starter: Configure + sealed configuration (again at every reload), then for the listener a ListeningSocket for each
//         of its listeners, and PeerChannel + the channel to the other service (again when that one was started anew).
//         service: ServiceReady once it works on that generation, or ServiceFailed and its end.
//         listener: ParkClient + a client that has to wait, UnparkClient when it waits no more: if the listener dies, the next one
//                  gets it as ParkedClient, behind its sockets.
//         pool:    StartWorker + two channel ends; EndWorker for one that does not end by itself.
//         public:  (usher-public, one for each public listener) gets its plan with Configure, its socket, and a PeerChannel to
//                  the pool, which gets the other end as PublicChannel. EndPublicJob is for whichever of them has the job.
//         starter: Stop at the end of all; Leave when the service is to be replaced; ResetFigures when an operator wishes it.
//         starter: WorkerForked or WorkerFailed, and WorkerEnded for every worker that is gone. A pool that is started anew
//                  hears of all living workers, and of those that ended meanwhile, before its first Configure.
// Trust:  services are lesser processes: the starter lets through what these tables allow and ends a service that breaks
//         them. Whether a worker exists is what the starter says, never what the pool believes.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/job_id.h"
#include "base/protocol.h"

namespace usher {

enum class StarterSays : std::uint8_t {
  configure = 1, listening_socket, peer_channel, worker_forked, worker_failed, worker_ended, stop, leave,
  public_channel, end_public_job, reset_figures, parked_client
};
enum class ServiceSays : std::uint8_t { ready = 1, failed, start_worker, end_worker, retire_worker, running_programs,
                                         park_client, unpark_client };

struct Configure {
  static constexpr auto kKind = StarterSays::configure;
  std::uint32_t generation = 0;
  bool goes_on = false;  // another process did this one's work before, since Usher was started
  static auto fields(auto& m) { return std::tie(m.generation, m.goes_on); }
};

struct ListeningSocket {
  static constexpr auto kKind = StarterSays::listening_socket;
  std::uint16_t listener = 0;  // its place in the configuration that came before
  static auto fields(auto& m) { return std::tie(m.listener); }
};

struct PeerChannel {
  static constexpr auto kKind = StarterSays::peer_channel;
  std::int32_t pid = 0;  // of the other service
  static auto fields(auto& m) { return std::tie(m.pid); }
};

struct WorkerForked {
  static constexpr auto kKind = StarterSays::worker_forked;
  std::uint32_t number = 0;
  std::int32_t pid = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.pid); }
};

struct WorkerFailed {
  static constexpr auto kKind = StarterSays::worker_failed;
  std::uint32_t number = 0;
  Text<300> reason;
  static auto fields(auto& m) { return std::tie(m.number, m.reason); }
};

struct WorkerEnded {
  static constexpr auto kKind = StarterSays::worker_ended;
  std::uint32_t number = 0;
  std::int32_t wait_status = 0;     // of wait4(2)
  std::uint64_t cpu_us = 0;         // user and system time, of what the worker waited for too
  std::uint64_t max_rss_kb = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.wait_status, m.cpu_us, m.max_rss_kb); }
};

struct Stop {
  static constexpr auto kKind = StarterSays::stop;
  bool drain = false;  // running programs may finish: the listener goes on accepting, to say that it is busy
  bool gives_up = false;  // a public listener: nobody else has its socket, so who has connected is still served
  static auto fields(auto& m) { return std::tie(m.drain, m.gives_up); }
};

// Another process takes this one's place as soon as it has ended, which it does when it holds nothing that would be lost.
struct Leave {
  static constexpr auto kKind = StarterSays::leave;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// To the pool, with a channel to the process of a public listener.
struct PublicChannel {
  static constexpr auto kKind = StarterSays::public_channel;
  std::int32_t pid = 0;
  Text<32> listener;
  Text<32> program;
  Text<256> user;
  static auto fields(auto& m) { return std::tie(m.pid, m.listener, m.program, m.user); }
};

struct EndPublicJob {
  static constexpr auto kKind = StarterSays::end_public_job;
  std::uint32_t number = 0;    // 0: all
  std::uint32_t delay_ms = 0;  // from SIGTERM to SIGKILL; 0: SIGKILL at once
  static auto fields(auto& m) { return std::tie(m.number, m.delay_ms); }
};

// What is counted for `usher status` begins anew.
struct ResetFigures {
  static constexpr auto kKind = StarterSays::reset_figures;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// A client that waited in a listener that is gone. It stays with the starter until UnparkClient.
struct ParkedClient {
  static constexpr auto kKind = StarterSays::parked_client;
  std::uint64_t serial = 0;
  std::int64_t accepted_at = 0;
  bool greeted = false;
  Text<32> listener;
  static auto fields(auto& m) { return std::tie(m.serial, m.accepted_at, m.greeted, m.listener); }
};

struct ServiceReady {
  static constexpr auto kKind = ServiceSays::ready;
  std::uint32_t generation = 0;
  static auto fields(auto& m) { return std::tie(m.generation); }
};

struct ServiceFailed {
  static constexpr auto kKind = ServiceSays::failed;
  Text<600> reason;
  static auto fields(auto& m) { return std::tie(m.reason); }
};

// Of a public listener that has been told to stop, whenever the number changes; shown to the operator, no more.
struct RunningPrograms {
  static constexpr auto kKind = ServiceSays::running_programs;
  std::uint32_t count = 0;
  static auto fields(auto& m) { return std::tie(m.count); }
};

struct ParkClient {
  static constexpr auto kKind = ServiceSays::park_client;
  std::uint64_t serial = 0;      // the listener's; no two clients since the start of Usher have the same
  std::int64_t accepted_at = 0;  // nanoseconds of the steady clock
  bool greeted = false;          // it has heard the first prompt
  Text<32> listener;             // by name: places change with the configuration
  static auto fields(auto& m) { return std::tie(m.serial, m.accepted_at, m.greeted, m.listener); }
};

struct UnparkClient {
  static constexpr auto kKind = ServiceSays::unpark_client;
  std::uint64_t serial = 0;
  static auto fields(auto& m) { return std::tie(m.serial); }
};

// Comes with two ends: the listener's road to the worker, the pool's road to the worker.
struct StartWorker {
  static constexpr auto kKind = ServiceSays::start_worker;
  std::uint32_t number = 0;      // of the job
  std::array<std::uint8_t, 16> id{};
  std::uint16_t pool = 0;        // its place in the configuration of that generation
  std::uint32_t generation = 0;
  static auto fields(auto& m) { return std::tie(m.number, m.id, m.pool, m.generation); }
};

struct EndWorker {
  static constexpr auto kKind = ServiceSays::end_worker;
  std::uint32_t number = 0;
  static auto fields(auto& m) { return std::tie(m.number); }
};

// Ends it if it is idle on a shared channel, where it hears nothing else.
struct RetireWorker {
  static constexpr auto kKind = ServiceSays::retire_worker;
  std::uint32_t number = 0;
  static auto fields(auto& m) { return std::tie(m.number); }
};

enum class ServiceState : std::uint8_t { starting, running };

inline constexpr std::array kListenerServiceRequests{
    request<ServiceReady>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
    request<ServiceFailed>(in(ServiceState::starting, ServiceState::running), Often::once, 0),
    request<ParkClient>(in(ServiceState::starting, ServiceState::running), Often::any, 1),
    request<UnparkClient>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
};
inline constexpr std::array kPublicServiceRequests{
    request<ServiceReady>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
    request<ServiceFailed>(in(ServiceState::starting, ServiceState::running), Often::once, 0),
    request<RunningPrograms>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
};
inline constexpr std::array kPoolServiceRequests{
    request<ServiceReady>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
    request<ServiceFailed>(in(ServiceState::starting, ServiceState::running), Often::once, 0),
    request<StartWorker>(in(ServiceState::starting, ServiceState::running), Often::any, 2),
    request<EndWorker>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
    request<RetireWorker>(in(ServiceState::starting, ServiceState::running), Often::any, 0),
};

// Descriptors that a service is executed with; everything else comes by message.
inline constexpr int kStarterChannelFd = 3;
inline constexpr int kPoolSocketFd = 4;  // the pool only: pool.sock, listening
inline constexpr int kJobsSocketFd = 5;  // the pool only: jobs.sock, listening

}  // namespace usher
