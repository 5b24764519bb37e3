// The pool's share of `usher status`: how many workers there are and are in use, and how often starting one failed.
#pragma once

#include <optional>
#include <string>

#include "base/event_loop.h"
#include "jobs/statistics.h"
#include "worker/pool_policy.h"
#include "worker/pool_store.h"

namespace usher {

class PoolStatistics {
 public:
  PoolStatistics(EventLoop& loop, std::optional<PoolStore>& store) : loop_(loop), store_(store) {}

  void note(const std::string& pool, const PoolCounts& counts);
  void start_failed(const std::string& pool);

  // From what the pool before this one has counted; or else from nothing, and the listener too. The store must be there.
  void begin(bool goes_on);
  void reset();
  // What is not written yet.
  void write();

 private:
  void write_later();

  EventLoop& loop_;
  std::optional<PoolStore>& store_;
  Statistics figures_{"pool"};
  EventLoop::Timer timer_;
};

}  // namespace usher
