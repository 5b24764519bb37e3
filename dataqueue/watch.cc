#include <sys/eventfd.h>
#include <unistd.h>

#include "base/system.h"
#include "dataqueue/member.h"
#include "dataqueue/watch_state.h"

namespace usher {

using Work = Transaction::Work;

Watch::State::State(std::shared_ptr<LibraryState> of, std::string queue, std::optional<KeySelection> selection)
    : library(std::move(of)), name(std::move(queue)), which(std::move(selection)) {
  event.reset(check(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "make an event counter"));
}

bool Watch::State::is_armed() const noexcept {
  return slot.has_value() && generation == library->generation();
}

Interest Watch::State::interest(Work& work) const {
  const QueueRecord& queue = work.queue(name);
  return {queue.number, checked_selection(queue, which ? &*which : nullptr)};
}

// What is there already is offered like a new entry: to whoever has waited longest, by now perhaps to this one.
void Watch::State::arm() {
  if (is_armed()) return;
  library->join();
  Work work(*library, turn_deadline());
  const Interest wanted = interest(work);
  slot = work.slots().enter_watch(library->member().slot(), wanted);
  generation = library->generation();
  library->member().add_watch(*slot, event.get());
  const auto there = work.look(work.queue(name), wanted.key, Work::Among::unreserved, 0);
  if (there) work.slots().offer({wanted.queue, there->number, there->key});
  work.end();
}

void Watch::State::disarm() {
  if (!is_armed()) return;
  Work work(*library, turn_deadline());
  library->member().remove_watch(*slot);
  work.disarm(*slot);
  work.commit();
  slot.reset();
  drain();
}

void Watch::State::leave_slot() {
  library->member().remove_watch(*slot);
  library->slots().leave(*slot);
  slot.reset();
  drain();
}

void Watch::State::disarm_later() {
  if (!is_armed()) return;
  library->member().remove_watch(*slot);
  library->member().do_later([armed = *slot](Work& work) { work.disarm(armed); });
}

void Watch::State::drain() const noexcept {
  std::uint64_t count = 0;
  while (::read(event.get(), &count, sizeof count) > 0) {
  }
}

std::optional<Entry> Watch::State::receive(Work& work, std::size_t limit) {
  const QueueRecord& queue = work.queue(name);
  const Interest wanted = interest(work);
  auto entry = work.take(queue, wanted.key, is_armed() ? work.slots().choice_of(*slot) : Choice(), limit);
  if (!is_armed()) return entry;
  if (entry) {
    work.after_commit([this] { leave_slot(); });
  } else {
    work.slots().wait_on(*slot, wanted);
    drain();
  }
  return entry;
}

Watch::Watch(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

Watch::Watch(Watch&& other) noexcept = default;

Watch& Watch::operator=(Watch&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

Watch::~Watch() {
  if (state_ == nullptr) return;
  try {
    state_->disarm();
  } catch (const std::exception&) {
    state_->disarm_later();
  }
}

int Watch::fd() const noexcept {
  return state_->event.get();
}

void Watch::arm() {
  state_->arm();
}

void Watch::disarm() {
  state_->disarm();
}

bool Watch::armed() const noexcept {
  return state_->is_armed();
}

std::optional<Entry> Watch::receive(std::size_t limit) {
  Work work(*state_->library, turn_deadline());
  auto entry = state_->receive(work, limit);
  work.commit();
  return entry;
}

Watch DataQueue::watch() {
  return Watch(std::make_unique<Watch::State>(library_, name_, std::nullopt));
}

Watch DataQueue::watch(const KeySelection& which) {
  return Watch(std::make_unique<Watch::State>(library_, name_, which));
}

}  // namespace usher
