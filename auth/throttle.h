// How often somebody came and failed lately, and until when logins are refused for it. Somebody is an address, a network
// or an account, by name.
//
// Model:  arrivals leak away within a minute. Failures are forgotten one at a time, each after FailureRule::memory; whoever has
//         more than are tolerated is refused for a time that doubles with each further one. When that time is over, one login
//         at a time is let through until enough is forgotten.
// Shape:  a fixed number of names (auth/bounded_table.h); those who have failed stay, the others make way.
// Units:  time is the wall clock in milliseconds: what is known outlives the process. A clock set back forgives nothing and
//         prolongs nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "auth/bounded_table.h"

namespace usher {

struct FailureRule {
  std::uint32_t tolerated = 0;  // 0: there is no penalty
  std::int64_t memory_ms = 1;
  std::int64_t penalty_ms = 0;
  std::int64_t longest_penalty_ms = 0;

  // More of them would not make the penalty longer.
  double most_failures() const;
  std::int64_t penalty_for(double failures) const;
};

// From where an account has logged in.
struct KnownAddress {
  std::string address;
  std::int64_t at_ms = 0;
};

struct ThrottleEntry {
  static constexpr std::size_t kMostKnown = 4;

  std::string name;
  double failures = 0;  // as they were at failures_at_ms
  double arrivals = 0;  // as they were at arrivals_at_ms
  std::int64_t failures_at_ms = 0;
  std::int64_t arrivals_at_ms = 0;
  std::int64_t memory_ms = 1;
  std::int64_t refused_until_ms = 0;
  std::uint32_t on_trial = 0;  // logins under way that were let through although too much has failed
  std::uint32_t refusals = 0;  // how often it was turned away
  std::int64_t refused_at_ms = 0;
  std::uint8_t reason = 0;     // of the last refusal
  std::vector<KnownAddress> known;

  double failures_now(std::int64_t now_ms) const;
  // When there is nothing left to refuse it for.
  std::int64_t forgotten_at_ms() const;
  double interest(std::int64_t now_ms) const;
};

// The name under which an account is kept: of bounded length, and the same for all spellings that differ in capitals.
std::string throttle_name(std::string_view account);

class Throttle {
 public:
  explicit Throttle(std::size_t buckets) : entries_(buckets) {}

  // False: one more than `per_minute`, which then does not count.
  bool arrive(std::string_view name, std::uint32_t per_minute, std::int64_t now_ms);

  enum class Try { refused, free, trial };
  Try may_try(std::string_view name, const FailureRule& rule, std::int64_t now_ms);
  // Follow may_try(): `trial` is what it said. begin() counts a trial, end() takes it away.
  void begin_trial(std::string_view name);
  void end_trial(std::string_view name);
  void failed(std::string_view name, const FailureRule& rule, std::int64_t now_ms);
  // So many failures were somebody's slips of the pen.
  void forgive(std::string_view name, unsigned failures, std::int64_t now_ms);

  void logged_in_from(std::string_view name, std::string_view address, std::int64_t now_ms);
  bool knows(std::string_view name, std::string_view address, std::int64_t since_ms);

  // Notes that it was turned away. True when that is news: it was not, or for another reason, within the last minute.
  bool note_refusal(std::string_view name, std::uint8_t reason, std::int64_t now_ms);

  // Lifts what is held against those for whom `meant` holds, and gives their names; from where they log in stays known.
  std::vector<std::string> forget(const std::function<bool(const ThrottleEntry&)>& meant);

  const ThrottleEntry* find(std::string_view name) { return entries_.find(name); }
  // From what was kept.
  void restore(ThrottleEntry entry, std::int64_t now_ms) { entries_.at(entry.name, now_ms) = std::move(entry); }
  std::size_t size() const { return entries_.size(); }
  std::size_t capacity() const noexcept { return entries_.capacity(); }

 private:
  BoundedTable<ThrottleEntry> entries_;
};

}  // namespace usher
