#include "worker/pool_store.h"

#include <unistd.h>

#include "base/log.h"
#include "worker/pool_log.h"

namespace usher {
namespace {

constexpr std::size_t kMostUnkept = 10'000;
constexpr std::chrono::seconds kRetry{10};
constexpr std::chrono::milliseconds kMoment{20};  // a short login's states are then often one write

}  // namespace

PoolStore::PoolStore(EventLoop& loop, const ServerConfig& server)
    : loop_(loop),
      state_directory_(server.state_directory),
      registry_(server.runtime_directory, Registry::Open::create),
      history_(server.state_directory, History::Open::create) {}

void PoolStore::put(const Job& job) {
  changes_[job.id].job = job;
  write_later();
}

void PoolStore::make_ready(const Job& job) {
  changes_[job.id] = {job, true};
  write_soon();
}

void PoolStore::put(std::vector<Statistic> figures) {
  figures_ = std::move(figures);
  write_soon();
}

void PoolStore::forget_statistics() {
  Registry::Update update(registry_);
  update.forget_statistics();
  update.commit();
}

// A dead worker shall not be found in the ready queue.
void PoolStore::end(EndedJob job, bool queued) {
  changes_.erase(job.job.id);
  ended_.push_back({std::move(job), queued});
  queued ? write_soon() : write_later();
  dead_in_queue_ = dead_in_queue_ || queued;
}

void PoolStore::after_flush(std::function<void()> work) {
  after_.push_back(std::move(work));
  write_soon();
}

void PoolStore::write_soon() {
  if (std::exchange(soon_, true)) return;
  loop_.defer([this] {
    soon_ = false;
    dead_in_queue_ ? flush() : write_states();
  });
}

void PoolStore::write_later() {
  if (!later_.pending()) later_ = loop_.after(kMoment, [this] { flush(); });
}

void PoolStore::write_states() {
  if (!changes_.empty() || !figures_.empty()) write_registry(std::exchange(changes_, {}), {});
  for (const auto& work : std::exchange(after_, {})) work();
}

void PoolStore::flush() {
  later_.end();
  dead_in_queue_ = false;
  const auto ended = std::exchange(ended_, {});
  if (!ended.empty()) {
    keep_history(ended);
    write_registry(std::exchange(changes_, {}), ended);
  }
  write_states();
}

// A disk without room must not stop the service: what could not be kept waits, up to a bound.
void PoolStore::keep_history(const std::vector<End>& ended) try {
  for (const End& end : ended) unkept_.push_back(end.job);
  for (const JobId& id : history_.add(unkept_)) ::unlink(job_log_path(state_directory_, id).c_str());
  unkept_.clear();
} catch (const Error& error) {
  log::error("history_not_written", {{"jobs", unkept_.size()}, {"reason", error.what()}});
  if (unkept_.size() > kMostUnkept) unkept_.erase(unkept_.begin(), unkept_.end() - kMostUnkept);
  retry_ = loop_.after(kRetry, [this] { keep_history({}); });
}

void PoolStore::write_registry(const std::map<JobId, Change>& changes, const std::vector<End>& ended) {
  Registry::Update update(registry_);
  for (const auto& [id, change] : changes) {
    if (change.ready) {
      update.make_ready(change.job);
    } else {
      update.put(change.job);
    }
  }
  for (const End& end : ended) {
    if (end.queued) update.withdraw(end.job.job.pool, end.job.job.id);
    update.remove(end.job.job.id);
  }
  if (!figures_.empty()) update.put_statistics("pool", std::exchange(figures_, {}));
  update.commit();
}

bool PoolStore::withdraw(const Job& job) {
  flush();
  Registry::Update update(registry_);
  const bool was_there = update.withdraw(job.pool, job.id);
  update.commit();
  return was_there;
}

}  // namespace usher
