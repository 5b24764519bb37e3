// Limits before the password: who may connect, and who may try to log in.
//
// Model:  each client is a guest from its accept until its worker is gone: a count of guests cannot drift. How often an address,
//         a network or an account came and failed is in tables of fixed size (auth/throttle.h). What is held against whom
//         can be kept, listed and forgotten: limit_keeper.h.
//         An account is slowed for strangers only: who comes from where it has logged in lately goes on.
// Thread: the listener's.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "auth/throttle.h"
#include "base/configuration.h"
#include "base/endpoint.h"
#include "base/network.h"
#include "handover/attempt.h"

namespace usher {

enum class LimitKind { origin, account };  // an address or a network; an account

// A client, as the limits know it.
struct Guest {
  Endpoint client;
  std::string address;  // "192.0.2.7"; "unix"
  std::string network;  // "192.0.2.0/24"; "unix"
  bool exempt = true;
  bool reserved = false;  // an administrator's, by its network
  bool counted = false;

  std::string account;  // of its last attempt, as a throttle_name
  unsigned failures_as_account = 0;
  std::vector<std::pair<LimitKind, std::string>> trials;  // what it was let through for although too much has failed
};

class Limits {
 public:
  using Kind = LimitKind;
  // Something has changed that is worth keeping.
  using OnChange = std::function<void(Kind, const std::string& name)>;

  Limits(OnChange changed, std::function<std::int64_t()> now_ms);

  void configure(const LimitsConfig& limits, const ReservedConfig& reserved);

  Guest guest(const Endpoint& client) const;
  // Are there as many connections from there as may be?
  bool is_full(const Guest& guest) const;
  // The guest counts from here on, unless it is refused.
  LimitReason enter(Guest& guest);
  void leave(Guest& guest);

  LimitReason attempt(Guest& guest, const std::string& account);
  void failed(Guest& guest);
  void succeeded(Guest& guest);

  // An address, a network (with all its addresses), an account, or "all".
  void forget(const std::string& what);

  const ThrottleEntry* find(Kind kind, const std::string& name);
  void restore(Kind kind, ThrottleEntry entry);
  // How often somebody was refused, by reason, since it was last asked.
  std::map<LimitReason, std::uint64_t> take_refusals() { return std::exchange(refusals_, {}); }
  std::size_t size() const { return origins_.size() + accounts_.size(); }

 private:
  using Counts = std::unordered_map<std::string, std::uint32_t>;

  LimitReason refuse(const Guest& guest, LimitReason reason, Kind kind, const std::string& name);
  LimitReason refuse_penalised(const Guest& guest);
  Throttle& throttle(Kind kind) { return kind == Kind::origin ? origins_ : accounts_; }
  bool is_known(const Guest& guest);
  void begin_trial(Guest& guest, Kind kind, const std::string& name, Throttle::Try how);
  void end_trials(Guest& guest);
  void fail(Kind kind, const std::string& name, const FailureRule& rule);

  OnChange changed_;
  std::function<std::int64_t()> now_ms_;
  LimitsConfig config_;
  std::vector<Network> exempt_;
  std::vector<Network> reserved_;
  FailureRule address_rule_, network_rule_, account_rule_;
  Counts by_address_, by_network_;
  Throttle origins_;
  Throttle accounts_;
  std::map<LimitReason, std::uint64_t> refusals_;
};

}  // namespace usher
