// Limits before the password: what a worker asks the listener about its client, and reports to it.
//
// Model:  worker: ClientHost (a proxy named its client), Attempt (before PAM is asked for that account)
//         listener: Verdict, at once, with the number of the question
//         worker: LoginFailed or LoginSucceeded, for the last Attempt, with the time that PAM took to check it
//         A listener that is gone, or does not answer in time, refuses nobody.
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>

#include "base/message.h"

namespace usher {

// Why a client was turned away.
enum class LimitReason : std::uint8_t { none, connections, rate, failures, account };
constexpr LimitReason last_of(LimitReason) { return LimitReason::account; }
std::string_view name_of(LimitReason reason);

// Told to the client with 911, the same for every reason.
inline constexpr std::string_view kLimitText = "Refused for now: too many connections or failed logins. Try again later.";

enum class WorkerTellsListener : std::uint8_t {
  taken = 1, login_over, no_room, client_host, attempt, login_failed, login_succeeded
};

struct ClientHost {
  static constexpr auto kKind = WorkerTellsListener::client_host;
  std::uint32_t question = 0;
  Text<46> host;  // a numeric address
  static auto fields(auto& m) { return std::tie(m.question, m.host); }
};

struct Attempt {
  static constexpr auto kKind = WorkerTellsListener::attempt;
  std::uint32_t question = 0;
  Text<256> account;  // as it was typed, whether there is one of that name or not; longer ones are cut
  static auto fields(auto& m) { return std::tie(m.question, m.account); }
};

struct LoginFailed {
  static constexpr auto kKind = WorkerTellsListener::login_failed;
  std::uint32_t checked_ms = 0;  // rounded up; 0: PAM was not asked
  static auto fields(auto& m) { return std::tie(m.checked_ms); }
};

struct LoginSucceeded {
  static constexpr auto kKind = WorkerTellsListener::login_succeeded;
  std::uint32_t checked_ms = 0;  // the same
  static auto fields(auto& m) { return std::tie(m.checked_ms); }
};

enum class ListenerSays : std::uint8_t { hand_over = 1, evict, verdict, own_connection, withdrawn };

struct Verdict {
  static constexpr auto kKind = ListenerSays::verdict;
  std::uint32_t question = 0;
  LimitReason refused = LimitReason::none;
  std::uint32_t slowest_check_ms = 0;  // at this listener, lately; 0: not known
  static auto fields(auto& m) { return std::tie(m.question, m.refused, m.slowest_check_ms); }
};

}  // namespace usher
