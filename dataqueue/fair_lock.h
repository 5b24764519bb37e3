// A lock that is handed on in order of arrival, and survives its owner. In shared memory it is the turn among
// processes, in a process the turn among its threads.
//
// Two mutexes, both robust. Whoever finds the lock taken queues at the gate, which is handed over in order of arrival,
// and behind it waits for the lock itself; so at most one waits there. Whoever had it last may take it again past the
// gate for 200 us: without that every second operation would be a wake-up of another process. The one behind the gate
// looks for some microseconds before it sleeps, and so does one who finds nobody there, a little longer.
//
// If the owner dies, the next one is told so (owner_died) and has to put right what was being changed. If one dies at
// the gate, the kernel passes the gate on. `queueing_` is only a hint: one who dies while he queues leaves it too high,
// which sends everybody through the gate and costs nothing but that. Source: ours; the window was measured, from
// nothing (a wake-up an operation) to a millisecond (others starve).
#pragma once

#include <atomic>

#include "dataqueue/robust_mutex.h"

namespace usher {

using Outcome = RobustMutex::Outcome;

class FairLock {
 public:
  // Makes the bytes a lock that is free. Nobody may use it meanwhile.
  void initialize();
  Outcome lock(Instant deadline);
  void unlock() noexcept { lock_.unlock(); }
  // By the owner: he does not pass the gate again before others.
  void forgo_window() noexcept { window_end_ns_.store(0, std::memory_order_relaxed); }

 private:
  bool may_pass_the_gate() const;
  void begin_window();
  Outcome try_if_free();
  Outcome try_while_alone(Instant deadline);
  Outcome lock_at_gate(Instant deadline);
  Outcome queue(Instant deadline);

  RobustMutex gate_;
  RobustMutex lock_;
  std::atomic<std::uint32_t> queueing_;      // how many wait at the gate or behind it
  std::atomic<std::uint32_t> last_owner_;    // thread id
  std::atomic<std::int64_t> window_end_ns_;  // until when that one may pass the gate
};

}  // namespace usher
