// What the pool writes: the changes of one round of its loop, in one transaction of the registry and one of the history.
//
// Model:  put, make_ready, remove and so on collect; flush() writes them all, then runs what waited for it. A job that has ended
//         is in the history before it leaves the registry: it may be in both after a crash, never in neither.
#pragma once

#include <functional>
#include <map>
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
  // `queued`: its id may still be in the ready queue.
  void end(EndedJob job, bool queued);
  // Runs after what was collected so far is written.
  void after_flush(std::function<void()> work);
  void flush();

  // Takes an id out of the ready queue at once; false when a listener has it already.
  bool withdraw(const Job& job);
  std::vector<Job> jobs() { return registry_.jobs(); }
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
  void schedule();
  void keep_history(const std::vector<End>& ended);
  void write_registry(const std::map<JobId, Change>& changes, const std::vector<End>& ended);

  EventLoop& loop_;
  std::string state_directory_;
  Registry registry_;
  History history_;
  std::map<JobId, Change> changes_;
  std::vector<End> ended_;
  std::vector<EndedJob> unkept_;  // while the history cannot be written
  EventLoop::Timer retry_;
  std::vector<std::function<void()>> after_;
  bool scheduled_ = false;
};

}  // namespace usher
