#include "dataqueue/waiter.h"

namespace usher {

Waiter::~Waiter() {
  if (slot_) library_.slots().play_dead(*slot_);
}

std::optional<EntryPlace> Waiter::place() const {
  return slot_ ? library_.slots().chosen_entry(*slot_) : std::nullopt;
}

bool Waiter::stand(const Interest& interest) {
  if (slot_)
    library_.slots().wait_on(*slot_, interest);
  else
    slot_ = library_.slots().enter(kind_, interest);
  return slot_.has_value();
}

bool Waiter::leave() {
  if (slot_ && !library_.slots().leave(*slot_)) return false;
  slot_.reset();
  return true;
}

bool Waiter::sleep(Instant deadline, bool spin) {
  SlotTable& slots = library_.slots();
  while (true) {
    const std::uint32_t seen = slots.word(*slot_);
    if (slots.look(*slot_).chosen || library_.is_abandoned() || Clock::now() >= deadline) return true;
    if (!slots.sleep(*slot_, seen, deadline, spin)) return false;
    spin = false;
  }
}

}  // namespace usher
