// What the pool writes: many changes in one transaction of the registry and one of the history.
//
// Model:  put, make_ready and end collect. A ready worker, and what waits for after_flush, is written at the end of the round
//         of the loop, with every state that has changed; the other states, and jobs that have ended, a moment later at
//         the latest. So the registry lags behind by that moment. A job that has ended is in the history before it leaves
//         the registry: it may be in both after a crash, never in neither.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/configuration.h"
#include "base/event_loop.h"
#include "jobs/history.h"
#include "jobs/registry.h"

namespace usher {

class PoolStore {
 public:
  PoolStore(EventLoop& loop, const ServerConfig& server);

  void put(const Job& job);
  void make_ready(const Job& job);
  // All figures of the pool.
  void put(std::vector<Statistic> figures);
  // `queued`: its id may still be in the ready queue.
  void end(EndedJob job, bool queued);
  // Runs after the states that were collected so far are written.
  void after_flush(std::function<void()> work);
  // Writes everything now.
  void flush();

  // Takes an id out of the ready queue at once; false when a listener has it already.
  bool withdraw(const Job& job);
  std::vector<Job> jobs() { return registry_.jobs(); }
  std::vector<Statistic> statistics() { return registry_.statistics(); }
  void forget_statistics();
  std::set<JobId> queued() { return registry_.queued(); }
  std::uint32_t next_number(const std::function<bool(std::uint32_t)>& in_use) { return history_.next_number(in_use); }

 private:
  struct Change {
    Job job;
    bool ready = false;
  };
  struct End {
    EndedJob job;
    bool queued;
  };
  void write_soon();
  void write_later();
  void write_states();
  void keep_history(const std::vector<End>& ended);
  void write_registry(const std::map<JobId, Change>& changes, const std::vector<End>& ended);

  EventLoop& loop_;
  std::string state_directory_;
  Registry registry_;
  History history_;
  std::map<JobId, Change> changes_;
  std::vector<End> ended_;
  std::vector<Statistic> figures_;
  std::vector<EndedJob> unkept_;  // while the history cannot be written
  EventLoop::Timer retry_;
  std::vector<std::function<void()>> after_;
  bool soon_ = false;
  bool dead_in_queue_ = false;  // of those in ended_
  EventLoop::Timer later_;
};

}  // namespace usher
