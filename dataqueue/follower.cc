#include "dataqueue/follower.h"

#include "dataqueue/demand.h"

namespace usher {

using Work = Transaction::Work;

Follower::Follower(const DataQueue& queue)
    : library_(queue.library()), name_(queue.name()), waiter_(*library_, SlotKind::peeker) {
  stand();
}

void Follower::stand() {
  RingAttempts attempts;
  bool standing = false;
  while (!standing) {
    Work work(*library_, turn_deadline(), repair_);
    const std::uint32_t number = work.queue(name_).number;
    if (seen_ == 0) seen_ = work.next_number();
    standing = waiter_.stand({.queue = number});
    work.commit();
    repair_ = standing ? Work::Repair::when_needed : Work::Repair::in_full;
    if (!standing) attempts.failed();
  }
}

std::vector<Entry> Follower::fresh() {
  Reading reading(*library_, turn_deadline());
  std::vector<Entry> entries = reading.entries().since(reading.catalog().read(name_), seen_);
  if (!entries.empty()) seen_ = entries.back().number;
  return entries;
}

// It looks after it stands: what comes later wakes it.
std::vector<Entry> Follower::wait(Wait wait) {
  const Instant end = end_of(wait);
  while (true) {
    std::vector<Entry> entries = fresh();
    if (!entries.empty() || Clock::now() >= end) return entries;
    if (!waiter_.sleep(end, false)) repair_ = Work::Repair::in_full;
    stand();
  }
}

}  // namespace usher
