// One write of the log to the disk for all who wait for one (group commit).
//
// A write takes as long as several commits, so there are always two crowds: those whom the write under way is for, and
// those who have committed since it began. Each sleeps on a word of its own, told apart by the number of the write that
// will do for them, even or odd; and on the life of who writes, so that his death wakes somebody. At the end of a write
// its crowd wakes, and one of the next crowd, who writes for that. (Were all woken, half of them would only fall asleep
// again.)
//
// What if the process dies exactly here? Who writes: the kernel wakes one who sleeps, and he writes. Who was woken to
// write: those who sleep look for themselves from time to time. In either case who wakes and finds his commit written
// without having been called wakes others.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>

#include "dataqueue/robust_mutex.h"

namespace usher {

// In memory that processes share; zeros and initialize() make one.
class SharedWrite {
 public:
  // A commit, and the write that will do for it if no earlier one does.
  struct Ticket {
    std::uint64_t commit = 0;  // 0: none
    std::uint64_t write = 0;
  };

  void initialize();
  // With the turn: one more commit is in the log.
  Ticket count_commit() noexcept;
  // For all that is in the log.
  Ticket everything() const noexcept { return {committed_, writes_}; }
  std::uint64_t begun() const noexcept { return writes_; }

  // Returns when the commit is on the disk. `write` writes all of the log there; it is told whether it is the first.
  // Without the turn. Errors: of `write`.
  using Write = std::function<void(bool first)>;
  void wait(const Ticket& ticket, const Write& write);

 private:
  void write_for_all(const Ticket& ticket, const Write& write);
  void end_write(std::uint64_t number) noexcept;

  std::atomic<std::uint64_t> committed_;
  std::atomic<std::uint64_t> written_;  // the commit up to which the log is on the disk
  std::atomic<std::uint64_t> writes_;   // begun
  RobustMutex writer_;
  futex::Word done_[2];  // change at the end of a write of even, of odd number
};

}  // namespace usher
