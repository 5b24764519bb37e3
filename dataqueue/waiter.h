// A thread that waits for an entry in one call.
//
//   Waiter waiter(library);
//   loop:  in a turn: take what is there for waiter.place(), and waiter.leave(); or waiter.stand(interest)
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

  // With the turn. The last two are false when a dead neighbour must be put right first.
  std::optional<EntryPlace> place() const;
  bool stand(const Interest& interest);
  bool leave();

  // Until it is chosen or the deadline passes. False: somebody has died.
  bool sleep(Instant deadline, bool spin);

 private:
  LibraryState& library_;
  SlotKind kind_;
  std::optional<SlotNumber> slot_;
};

}  // namespace usher
