// A thread that waits for an entry in one call.
//
//   Waiter waiter(library);
//   loop:  in a turn: take what is there for waiter.choice(), and waiter.leave(); or waiter.stand(interest)
//          without it: waiter.sleep(deadline)
//
// If it goes while it still stands there (an error, a wait that cannot get its turn any more) it plays dead: whoever is
// next in the ring gives what it was chosen for to another.
#pragma once

#include <optional>

#include "dataqueue/work.h"

namespace usher {

class Waiter {
 public:
  Waiter(LibraryState& library, SlotKind kind) noexcept : library_(library), kind_(kind) {}
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter();

  // With the turn.
  Choice choice() const;
  // False when a dead neighbour must be put right first.
  bool stand(const Interest& interest);
  // The call is over, and what was handed over is the caller's. Plays dead when a dead neighbour stands in the way:
  // both are put right by the next in the ring.
  void leave();

  // Until it is chosen or the deadline passes. False: somebody has died.
  bool sleep(Instant deadline, bool may_spin);

 private:
  bool is_called() const;

  LibraryState& library_;
  SlotKind kind_;
  std::optional<SlotNumber> slot_;
};

}  // namespace usher
