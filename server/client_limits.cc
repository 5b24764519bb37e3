#include "server/client_limits.h"

#include <algorithm>

#include "base/log.h"

namespace usher {
namespace {

constexpr std::size_t kOriginBuckets = 1024;  // 16,384 addresses and networks
constexpr std::size_t kAccountBuckets = 512;

FailureRule rule(const LimitsConfig& config, std::uint32_t tolerated) {
  return {tolerated, config.failure_memory.count(), config.penalty.count(), config.longest_penalty.count()};
}

template <class Counts>
bool has_reached(const Counts& counts, const std::string& name, std::uint32_t most) {
  const auto found = counts.find(name);
  return most != 0 && found != counts.end() && found->second >= most;
}

template <class Counts>
void less(Counts& counts, const std::string& name) {
  const auto found = counts.find(name);
  if (found != counts.end() && --found->second == 0) counts.erase(found);
}

// By IPv6 a machine has many addresses and changes them.
const std::string& home_of(const Guest& guest) {
  return guest.client.family == Endpoint::Family::ipv6 ? guest.network : guest.address;
}

}  // namespace

Limits::Limits(OnChange changed, std::function<std::int64_t()> now_ms)
    : changed_(std::move(changed)), now_ms_(std::move(now_ms)), origins_(kOriginBuckets), accounts_(kAccountBuckets) {}

void Limits::configure(const LimitsConfig& limits, const ReservedConfig& reserved) {
  config_ = limits;
  exempt_ = networks_of(limits.exempt_networks);
  reserved_ = networks_of(reserved.networks);
  address_rule_ = rule(limits, limits.failures_per_address);
  network_rule_ = rule(limits, limits.failures_per_network);
  account_rule_ = rule(limits, limits.failures_per_account);
}

Guest Limits::guest(const Endpoint& client) const {
  Guest guest;
  guest.client = client;
  guest.network = network_of(client, config_.ipv4_prefix, config_.ipv6_prefix);
  guest.address = client.family == Endpoint::Family::local ? guest.network : client.host;
  guest.reserved = contains(reserved_, client);
  guest.exempt = guest.reserved || contains(exempt_, client);
  return guest;
}

bool Limits::is_full(const Guest& guest) const {
  return !guest.exempt && (has_reached(by_address_, guest.address, config_.connections_per_address) ||
                           has_reached(by_network_, guest.network, config_.connections_per_network));
}

LimitReason Limits::enter(Guest& guest) {
  if (guest.exempt) return LimitReason::none;
  if (const LimitReason reason = refuse_penalised(guest); reason != LimitReason::none) return reason;
  if (has_reached(by_address_, guest.address, config_.connections_per_address)) {
    return refuse(guest, LimitReason::connections, Kind::origin, guest.address);
  }
  if (has_reached(by_network_, guest.network, config_.connections_per_network)) {
    return refuse(guest, LimitReason::connections, Kind::origin, guest.network);
  }
  const std::int64_t now = now_ms_();
  if (!origins_.arrive(guest.address, config_.rate_per_address, now)) {
    return refuse(guest, LimitReason::rate, Kind::origin, guest.address);
  }
  if (!origins_.arrive(guest.network, config_.rate_per_network, now)) {
    return refuse(guest, LimitReason::rate, Kind::origin, guest.network);
  }
  ++by_address_[guest.address];
  ++by_network_[guest.network];
  guest.counted = true;
  return LimitReason::none;
}

void Limits::leave(Guest& guest) {
  end_trials(guest);
  if (!std::exchange(guest.counted, false)) return;
  less(by_address_, guest.address);
  less(by_network_, guest.network);
}

LimitReason Limits::refuse_penalised(const Guest& guest) {
  for (const auto& [name, rule] : {std::pair(&guest.address, &address_rule_), std::pair(&guest.network, &network_rule_)}) {
    const bool penalised = origins_.may_try(*name, *rule, now_ms_()) == Throttle::Try::refused;
    if (penalised) return refuse(guest, LimitReason::failures, Kind::origin, *name);
  }
  return LimitReason::none;
}

LimitReason Limits::attempt(Guest& guest, const std::string& account) {
  if (guest.exempt) return LimitReason::none;
  end_trials(guest);
  if (const LimitReason reason = refuse_penalised(guest); reason != LimitReason::none) return reason;
  const std::string name = throttle_name(account);
  if (std::exchange(guest.account, name) != name) guest.failures_as_account = 0;
  const std::int64_t now = now_ms_();
  const Throttle::Try as_account = is_known(guest) ? Throttle::Try::free : accounts_.may_try(name, account_rule_, now);
  if (as_account == Throttle::Try::refused) return refuse(guest, LimitReason::account, Kind::account, name);
  begin_trial(guest, Kind::account, name, as_account);
  begin_trial(guest, Kind::origin, guest.address, origins_.may_try(guest.address, address_rule_, now));
  begin_trial(guest, Kind::origin, guest.network, origins_.may_try(guest.network, network_rule_, now));
  return LimitReason::none;
}

void Limits::begin_trial(Guest& guest, Kind kind, const std::string& name, Throttle::Try how) {
  if (how != Throttle::Try::trial) return;
  throttle(kind).begin_trial(name);
  guest.trials.emplace_back(kind, name);
}

bool Limits::is_known(const Guest& guest) {
  return accounts_.knows(guest.account, home_of(guest), now_ms_() - config_.known_address_memory.count());
}

void Limits::end_trials(Guest& guest) {
  for (const auto& trial : std::exchange(guest.trials, {})) throttle(trial.first).end_trial(trial.second);
}

void Limits::failed(Guest& guest) {
  if (guest.exempt) return;
  end_trials(guest);
  ++guest.failures_as_account;
  fail(Kind::origin, guest.address, address_rule_);
  if (guest.network != guest.address) fail(Kind::origin, guest.network, network_rule_);
  fail(Kind::account, guest.account, account_rule_);
}

void Limits::fail(Kind kind, const std::string& name, const FailureRule& rule) {
  throttle(kind).failed(name, rule, now_ms_());
  changed_(kind, name);
}

// Who gets in in the end had only mistyped: those failures go. Those as somebody else stay, so an account of one's own does
// not buy guesses at others.
void Limits::succeeded(Guest& guest) {
  if (guest.exempt || guest.account.empty()) return;
  end_trials(guest);
  const std::int64_t now = now_ms_();
  const unsigned slips = std::exchange(guest.failures_as_account, 0);
  origins_.forgive(guest.address, slips, now);
  if (guest.network != guest.address) origins_.forgive(guest.network, slips, now);
  accounts_.forgive(guest.account, slips, now);
  accounts_.logged_in_from(guest.account, home_of(guest), now);
  if (slips > 0) changed_(Kind::origin, guest.address);
  if (slips > 0) changed_(Kind::origin, guest.network);
  changed_(Kind::account, guest.account);
}

LimitReason Limits::refuse(const Guest& guest, LimitReason reason, Kind kind, const std::string& name) {
  ++refusals_[reason];
  if (throttle(kind).note_refusal(name, static_cast<std::uint8_t>(reason), now_ms_())) {
    log::notice("limit_reached", {{"client", guest.client.text()}, {"reason", name_of(reason)}, {"of", name}});
  }
  changed_(kind, name);
  return reason;
}

void Limits::forget(const std::string& what) {
  const auto network = Network::parse(what);
  const auto in_network = [&](const ThrottleEntry& entry) {
    const auto endpoint = endpoint_of(entry.name, 0);
    return network && endpoint && network->contains(*endpoint);
  };
  const bool all = what == "all";
  const std::string account = throttle_name(what);
  const auto is_origin = [&](const ThrottleEntry& entry) { return all || entry.name == what || in_network(entry); };
  const auto is_account = [&](const ThrottleEntry& entry) { return all || entry.name == account; };
  for (const std::string& name : origins_.forget(is_origin)) changed_(Kind::origin, name);
  for (const std::string& name : accounts_.forget(is_account)) changed_(Kind::account, name);
}

const ThrottleEntry* Limits::find(Kind kind, const std::string& name) {
  return throttle(kind).find(name);
}

void Limits::restore(Kind kind, ThrottleEntry entry) {
  throttle(kind).restore(std::move(entry), now_ms_());
}

}  // namespace usher
