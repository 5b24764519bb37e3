// One call that wants an entry: takes what is there, or waits until it is chosen for one.
#pragma once

#include <optional>
#include <string>

#include "dataqueue/fault_point.h"
#include "dataqueue/waiter.h"
#include "dataqueue/work.h"

namespace usher {

struct Demand {
  LibraryState& library;
  const std::string& name;
  const KeySelection* which;
  Wait wait;
  SlotKind kind = SlotKind::receiver;
  bool takes_hand = false;  // `take` can do with an entry that was never stored
};

inline Instant end_of(Wait wait) {
  return wait.is_for_ever() ? Instant::max() : Clock::now() + wait.duration();
}

// Calls `take(work, queue, key, choice)` in one turn after the other until it returns something or the wait is over.
// `choice` is what the caller was chosen for.
//
// The first turn must come within the wait, or 10 s; later ones, in which something may be kept for this caller
// already, within 10 s.
template <class Take>
auto meet(const Demand& demand, Take take) {
  using Work = Transaction::Work;
  const Instant end = end_of(demand.wait);
  Waiter waiter(demand.library, demand.kind);
  Instant turn_by = demand.wait.is_none() ? turn_deadline() : end;
  auto repair = Work::Repair::when_needed;
  RingAttempts attempts;
  while (true) {
    Work work(demand.library, turn_by, repair);
    const QueueRecord& queue = work.queue(demand.name);
    const std::optional<KeyCondition> key = checked_selection(queue, demand.which);
    auto taken = take(work, queue, key, waiter.choice());
    if (taken && demand.takes_hand && !demand.wait.is_none()) work.note_served(queue);
    if (taken || Clock::now() >= end) {
      work.commit_in_turn();
      waiter.leave();
      work.end();
      return taken;
    }
    const bool spin = !queue.attributes.force;
    const bool standing = waiter.stand({queue.number, key, demand.takes_hand});
    if (!standing) attempts.failed();
    work.end();
    fault::point("standing");
    const bool all_live = standing && waiter.sleep(end, spin);
    fault::point("awake");
    repair = all_live ? Work::Repair::when_needed : Work::Repair::in_full;
    turn_by = turn_deadline();
  }
}

}  // namespace usher
