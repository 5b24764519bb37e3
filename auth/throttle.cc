#include "auth/throttle.h"

#include <array>
#include <cmath>

#include "base/text.h"

namespace usher {
namespace {

constexpr double kMinute = 60'000;

// A clock that was set back stands still.
double passed(std::int64_t since_ms, std::int64_t now_ms) {
  return static_cast<double>(std::max<std::int64_t>(0, now_ms - since_ms));
}

// Source: FNV-1a. Whoever makes two names collide only slows the logins of names that are both his.
std::uint64_t digest(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

std::string hex(std::uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(16, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, value >>= 4U) *digit = kDigits[value & 0xFU];
  return text;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

double FailureRule::most_failures() const {
  const double growth = static_cast<double>(longest_penalty_ms) / static_cast<double>(std::max<std::int64_t>(1, penalty_ms));
  return static_cast<double>(tolerated) + 1 + std::ceil(std::log2(std::max(1.0, growth)));
}

std::int64_t FailureRule::penalty_for(double failures) const {
  const double surplus = std::ceil(failures - static_cast<double>(tolerated));
  if (tolerated == 0 || surplus < 1) return 0;
  const double penalty = static_cast<double>(penalty_ms) * std::exp2(surplus - 1);
  return static_cast<std::int64_t>(std::min(penalty, static_cast<double>(longest_penalty_ms)));
}

double ThrottleEntry::failures_now(std::int64_t now_ms) const {
  return std::max(0.0, failures - passed(failures_at_ms, now_ms) / static_cast<double>(memory_ms));
}

std::int64_t ThrottleEntry::forgotten_at_ms() const {
  const auto forgotten = failures_at_ms + static_cast<std::int64_t>(failures * static_cast<double>(memory_ms));
  const std::int64_t of_refusal = refusals == 0 ? 0 : refused_at_ms + static_cast<std::int64_t>(kMinute);
  return std::max({forgotten, refused_until_ms, of_refusal});
}

// Whose owner is known is never given up for a stranger, and who has failed not for who has only come.
double ThrottleEntry::interest(std::int64_t now_ms) const {
  constexpr double kKnown = 1e9;
  constexpr double kRefused = 1e7;
  constexpr double kFailure = 1e4;
  const double coming = arrivals * std::max(0.0, 1 - passed(arrivals_at_ms, now_ms) / kMinute);
  const bool refused = refused_until_ms > now_ms || on_trial > 0;
  return (known.empty() ? 0 : kKnown) + (refused ? kRefused : 0) + failures_now(now_ms) * kFailure + std::min(coming, kFailure);
}

std::string throttle_name(std::string_view account) {
  constexpr std::size_t kMax = BoundedTable<ThrottleEntry>::kMaxName;
  std::string name(account);
  std::transform(name.begin(), name.end(), name.begin(), lower);
  if (name.size() <= kMax) return name;
  const std::string ending = "#" + hex(digest(name));
  return std::string(cut_utf8(name, kMax - ending.size())) + ending;
}

bool Throttle::arrive(std::string_view name, std::uint32_t per_minute, std::int64_t now_ms) {
  if (per_minute == 0) return true;
  ThrottleEntry& entry = entries_.at(name, now_ms);
  const double leaked = passed(entry.arrivals_at_ms, now_ms) * per_minute / kMinute;
  entry.arrivals = std::max(0.0, entry.arrivals - leaked);
  entry.arrivals_at_ms = now_ms;
  if (entry.arrivals + 1 > per_minute) return false;
  ++entry.arrivals;
  return true;
}

Throttle::Try Throttle::may_try(std::string_view name, const FailureRule& rule, std::int64_t now_ms) {
  const ThrottleEntry* entry = entries_.find(name);
  if (rule.tolerated == 0 || entry == nullptr) return Try::free;
  // Not longer than any penalty is: the clock may have been set back.
  const bool refused = now_ms < entry->refused_until_ms && entry->refused_until_ms - now_ms <= rule.longest_penalty_ms;
  if (refused) return Try::refused;
  if (entry->failures_now(now_ms) < rule.tolerated) return Try::free;
  return entry->on_trial == 0 ? Try::trial : Try::refused;
}

void Throttle::begin_trial(std::string_view name) {
  if (ThrottleEntry* entry = entries_.find(name)) ++entry->on_trial;
}

void Throttle::end_trial(std::string_view name) {
  ThrottleEntry* entry = entries_.find(name);
  if (entry != nullptr && entry->on_trial > 0) --entry->on_trial;
}

void Throttle::failed(std::string_view name, const FailureRule& rule, std::int64_t now_ms) {
  if (rule.tolerated == 0) return;
  ThrottleEntry& entry = entries_.at(name, now_ms);
  const double before = entry.failures_now(now_ms);
  entry.memory_ms = rule.memory_ms;
  entry.failures = std::min(before + 1, rule.most_failures());
  entry.failures_at_ms = now_ms;
  if (const auto penalty = rule.penalty_for(entry.failures); penalty > 0) entry.refused_until_ms = now_ms + penalty;
}

void Throttle::forgive(std::string_view name, unsigned failures, std::int64_t now_ms) {
  ThrottleEntry* entry = entries_.find(name);
  if (entry == nullptr || failures == 0) return;
  entry->failures = std::max(0.0, entry->failures_now(now_ms) - failures);
  entry->failures_at_ms = now_ms;
}

void Throttle::logged_in_from(std::string_view name, std::string_view address, std::int64_t now_ms) {
  auto& known = entries_.at(name, now_ms).known;
  std::erase_if(known, [&](const KnownAddress& one) { return one.address == address; });
  if (known.size() == ThrottleEntry::kMostKnown) known.erase(known.begin());  // the longest ago
  known.push_back({std::string(address), now_ms});
}

bool Throttle::knows(std::string_view name, std::string_view address, std::int64_t since_ms) {
  const ThrottleEntry* entry = entries_.find(name);
  return entry != nullptr && std::any_of(entry->known.begin(), entry->known.end(), [&](const KnownAddress& known) {
           return known.address == address && known.at_ms >= since_ms;
         });
}

bool Throttle::note_refusal(std::string_view name, std::uint8_t reason, std::int64_t now_ms) {
  ThrottleEntry& entry = entries_.at(name, now_ms);
  const bool news = entry.refusals == 0 || entry.reason != reason || passed(entry.refused_at_ms, now_ms) >= kMinute;
  if (news) entry.refused_at_ms = now_ms;
  ++entry.refusals;
  entry.reason = reason;
  return news;
}

std::vector<std::string> Throttle::forget(const std::function<bool(const ThrottleEntry&)>& meant) {
  std::vector<ThrottleEntry> forgotten;
  entries_.remove_if([&](const ThrottleEntry& entry) {
    if (!meant(entry)) return false;
    forgotten.push_back(entry);
    return true;
  });
  std::vector<std::string> names;
  for (const ThrottleEntry& entry : forgotten) {
    names.push_back(entry.name);
    if (!entry.known.empty()) entries_.at(entry.name, 0).known = entry.known;
  }
  return names;
}

}  // namespace usher
