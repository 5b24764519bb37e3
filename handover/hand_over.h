// The hand-over: one message that carries a client and its control record from the listener to a worker, and what the two
// say about it afterwards on the same channel.
//
// Model:  listener: HandOver + client ->   worker: checks the client, answers Taken
//         listener: Evict ->               worker: ends the login (its login process says 904)
//                                          worker: LoginOver when the login is over, whatever came of it; it keeps the
//                                                  channel while its session lasts, so the end of that is heard too
//         What the two say of limits in between: handover/attempt.h.
//         A worker that closes the channel without Taken never had the client: the listener gives it to another. A worker
//         whose Taken cannot be sent looks for Withdrawn: then the listener has taken the client back. Where that is not, the
//         listener is dead, and the client is the worker's.
//         On the shared road the message has two descriptors, the client and the worker's end of a channel for its answers; on
//         the road "spawn" the pool says NoRoom in the place of a worker that it will not start.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "base/channel.h"
#include "base/protocol.h"
#include "handover/attempt.h"

namespace usher {

struct HandOver {
  static constexpr auto kKind = ListenerSays::hand_over;
  std::uint16_t listener = 0;      // its place in the configuration of that generation
  std::uint32_t generation = 0;    // of the configuration that the listener follows
  std::int64_t accepted_at = 0;    // nanoseconds of the steady clock
  bool greeted = false;            // the listener has said the first prompt
  static auto fields(auto& m) { return std::tie(m.listener, m.generation, m.accepted_at, m.greeted); }
};

struct Evict {
  static constexpr auto kKind = ListenerSays::evict;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Withdrawn {
  static constexpr auto kKind = ListenerSays::withdrawn;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct Taken {
  static constexpr auto kKind = WorkerTellsListener::taken;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct LoginOver {
  static constexpr auto kKind = WorkerTellsListener::login_over;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

struct NoRoom {
  static constexpr auto kKind = WorkerTellsListener::no_room;
  static auto fields(auto& /*m*/) { return std::tie(); }
};

// So many bytes the message has.
inline constexpr std::size_t kHandOverSize = max_wire_size<HandOver>();

// What the listener may say to a worker.
enum class WorkerState : std::uint8_t { waiting, has_client };
inline constexpr std::array kListenerRequests{
    request<HandOver>(in(WorkerState::waiting), Often::once, 1),
    request<Evict>(in(WorkerState::has_client), Often::any, 0),
    request<Verdict>(in(WorkerState::has_client), Often::any, 0),
    request<Withdrawn>(in(WorkerState::waiting), Often::once, 0),
};

// What comes over a channel on which all idle workers of a pool wait.
inline constexpr std::array kSharedRequests{
    request<HandOver>(in(WorkerState::waiting), Often::any, 2),
};

// What a worker may say to the listener.
enum class HandOverState : std::uint8_t { sent, taken };
inline constexpr std::array kWorkerReports{
    request<Taken>(in(HandOverState::sent), Often::once, 0),
    request<LoginOver>(in(HandOverState::taken), Often::once, 0),
    request<ClientHost>(in(HandOverState::taken), Often::once, 0),
    request<Attempt>(in(HandOverState::taken), Often::any, 0),
    request<LoginFailed>(in(HandOverState::taken), Often::any, 0),
    request<LoginSucceeded>(in(HandOverState::taken), Often::any, 0),
    request<NoRoom>(in(HandOverState::sent), Often::once, 0),
};

// Is this a stream socket that is, or was, connected, in blocking mode? Anything else was not accepted by a listener.
// Errors: ProtocolError.
void check_is_client(int fd);

// When Taken could not be sent: did the listener take the client back? Else it has died.
// Errors: ProtocolError for any other word.
bool is_withdrawn(const Channel& listener);

}  // namespace usher
