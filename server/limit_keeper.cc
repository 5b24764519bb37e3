#include "server/limit_keeper.h"

#include <sys/epoll.h>

#include <charconv>

#include "base/log.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kWriteEvery = 1s;
constexpr auto kRetryAfter = 10s;
constexpr auto kPruneEvery = 60s;

std::string kind_of(LimitKind kind, const std::string& name) {
  if (kind == LimitKind::account) return "account";
  return name == "unix" || name.find('/') != std::string::npos ? "network" : "address";
}

std::string text_of(const std::vector<KnownAddress>& known) {
  std::string text;
  for (const KnownAddress& one : known) text.append(one.address).append(" ").append(std::to_string(one.at_ms)).append("\n");
  return text;
}

std::vector<KnownAddress> known_from(std::string_view text) {
  std::vector<KnownAddress> known;
  while (!text.empty() && known.size() < ThrottleEntry::kMostKnown) {
    const std::size_t blank = text.find(' ');
    const std::size_t end = text.find('\n');
    if (blank == text.npos || end == text.npos || blank > end) break;
    KnownAddress& one = known.emplace_back(KnownAddress{std::string(text.substr(0, blank)), 0});
    std::from_chars(text.data() + blank + 1, text.data() + end, one.at_ms);
    text.remove_prefix(end + 1);
  }
  return known;
}

LimitReason reason_named(std::string_view name) {
  for (auto reason = LimitReason::none; reason < last_of(reason);) {
    reason = static_cast<LimitReason>(static_cast<int>(reason) + 1);
    if (name_of(reason) == name) return reason;
  }
  return LimitReason::none;
}

ThrottleEntry entry_from(const LimitRecord& record) {
  ThrottleEntry entry;
  entry.name = record.name;
  entry.failures = record.failures;
  entry.failures_at_ms = record.failures_at;
  entry.memory_ms = std::max<std::int64_t>(1, record.memory_ms);
  entry.refused_until_ms = record.refused_until;
  entry.refusals = static_cast<std::uint32_t>(record.refusals);
  entry.refused_at_ms = record.refused_at;
  entry.reason = static_cast<std::uint8_t>(reason_named(record.reason));
  entry.known = known_from(record.known);
  return entry;
}

LimitRecord record_from(LimitKind kind, const ThrottleEntry& entry) {
  return {kind_of(kind, entry.name),
          entry.name,
          entry.failures,
          entry.failures_at_ms,
          entry.memory_ms,
          entry.refused_until_ms,
          entry.refusals,
          entry.refused_at_ms,
          std::string(name_of(static_cast<LimitReason>(entry.reason))),
          entry.forgotten_at_ms(),
          text_of(entry.known)};
}

}  // namespace

void LimitKeeper::open(const std::string& state_directory) {
  if (!state_directory_.empty()) return;
  state_directory_ = state_directory;
  try {
    try_open();
  } catch (const std::exception& error) {
    complain(error);
  }
}

void LimitKeeper::try_open() {
  records_.emplace(state_directory_, LimitRecords::Open::create);
  restore();
  wishes_.emplace(records_->watch_wishes());
  watch_ = loop_.watch(wishes_->fd(), EPOLLIN, [this](std::uint32_t) { fulfil_wishes(); });
  wishes_->arm();
}

void LimitKeeper::restore() {
  for (const LimitRecord& record : records_->all()) {
    limits_.restore(record.kind == "account" ? LimitKind::account : LimitKind::origin, entry_from(record));
  }
}

void LimitKeeper::note(LimitKind kind, const std::string& name) {
  if (changed_.size() < kMostWritten) changed_.emplace(kind, name);
  if (!timer_.pending()) write_later(std::max(Clock::duration::zero(), next_write_ - Clock::now()));
}

void LimitKeeper::write_later(Clock::duration wait) {
  timer_ = loop_.after(wait, [this] {
    try {
      write();
    } catch (const std::exception& error) {
      complain(error);
    }
  });
}

void LimitKeeper::write() {
  next_write_ = Clock::now() + kWriteEvery;
  if (!records_) try_open();
  for (const auto& [reason, count] : limits_.take_refusals()) refusals_[reason] += count;
  LimitRecords::Update update(*records_);
  for (const auto& [kind, name] : changed_) put(update, kind, name);
  for (const auto& [reason, count] : refusals_) update.add_refusals(name_of(reason), count);
  const bool prune = Clock::now() >= next_prune_;
  if (prune) update.prune(wall_clock_ms(), kMostRows);
  update.commit();
  if (prune) next_prune_ = Clock::now() + kPruneEvery;
  changed_.clear();
  refusals_.clear();
  wishes_->arm();
}

void LimitKeeper::put(LimitRecords::Update& update, LimitKind kind, const std::string& name) {
  const ThrottleEntry* entry = limits_.find(kind, name);
  const bool kept = entry != nullptr && (!entry->known.empty() || entry->forgotten_at_ms() > wall_clock_ms());
  if (kept) {
    update.put(record_from(kind, *entry));
  } else {
    update.remove(kind_of(kind, name), name);
  }
}

// A wish is gone from the queue in the moment in which what it names is gone from the table.
void LimitKeeper::fulfil_wishes() try {
  wishes_->disarm();
  LimitRecords::Update update(*records_);
  while (const auto wish = update.next_wish()) {
    limits_.forget(*wish);
    update.lift(*wish);
    log::notice("limits_forgotten", {{"what", *wish}});
  }
  for (const auto& [kind, name] : changed_) put(update, kind, name);
  update.commit();
  changed_.clear();
  wishes_->arm();
} catch (const std::exception& error) {
  complain(error);
}

void LimitKeeper::complain(const std::exception& error) {
  log::error("limits_not_kept", {{"reason", error.what()}});
  write_later(kRetryAfter);
}

}  // namespace usher
