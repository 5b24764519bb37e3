// Follows a queue: sees every entry that is sent from now on, and takes none.
//
// While somebody follows a queue its entries are always stored, not handed over. An entry that its receiver takes
// before the follower gets to look is not seen.
#pragma once

#include <string>
#include <vector>

#include "dataqueue/waiter.h"
#include "usher/data_queue.h"

namespace usher {

class Follower {
 public:
  // Errors: queue_not_found; why nobody can wait on the library.
  explicit Follower(const DataQueue& queue);
  Follower(const Follower&) = delete;
  Follower& operator=(const Follower&) = delete;
  ~Follower() = default;

  // The entries since the last call, in the order of their sending; empty when none came in time.
  std::vector<Entry> wait(Wait wait);

 private:
  void stand();
  std::vector<Entry> fresh();

  std::shared_ptr<LibraryState> library_;
  std::string name_;
  Waiter waiter_;
  std::uint64_t seen_ = 0;
  Transaction::Work::Repair repair_ = Transaction::Work::Repair::when_needed;
};

}  // namespace usher
