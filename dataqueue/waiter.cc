#include "dataqueue/waiter.h"

#include "dataqueue/spin.h"

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

bool Waiter::is_called() const {
  return library_.slots().look(*slot_).chosen || library_.is_abandoned();
}

// Spinning looks for the call, not at the word, which changes with every neighbour.
bool Waiter::sleep(Instant deadline, bool may_spin) {
  static thread_local SpinHabit habit;
  SlotTable& slots = library_.slots();
  if (may_spin && spin(habit, kLongestSpin, deadline, [this] { return is_called(); })) return true;
  while (true) {
    const std::uint32_t seen = slots.word(*slot_);
    if (is_called() || Clock::now() >= deadline) return true;
    if (!slots.sleep(*slot_, seen, deadline)) return false;
  }
}

}  // namespace usher
