#include "dataqueue/waiter.h"

namespace usher {

Waiter::~Waiter() {
  if (slot_) library_.slots().play_dead(*slot_);
}

Choice Waiter::choice() const {
  return slot_ ? library_.slots().choice_of(*slot_) : Choice();
}

bool Waiter::stand(const Interest& interest) {
  if (slot_)
    library_.slots().wait_on(*slot_, interest);
  else
    slot_ = library_.slots().enter(kind_, interest);
  return slot_.has_value();
}

void Waiter::leave() {
  if (!slot_) return;
  if (!library_.slots().leave(*slot_)) {
    library_.slots().accept_handed(*slot_);
    library_.slots().play_dead(*slot_);
  }
  slot_.reset();
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
