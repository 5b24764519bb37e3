#include "dataqueue/turn.h"

#include <unistd.h>

#include <chrono>

namespace usher {
namespace {

constexpr auto kWindow = std::chrono::microseconds(100);

std::uint32_t this_thread() {
  static thread_local const auto id = static_cast<std::uint32_t>(::gettid());
  return id;
}

std::int64_t now_ns() {
  return to_nanoseconds(Clock::now());
}

bool may_pass_the_gate(const Control& control) {
  if (control.queueing.load(std::memory_order_relaxed) == 0) return true;
  return control.last_owner.load(std::memory_order_relaxed) == this_thread() &&
         now_ns() < control.window_end_ns.load(std::memory_order_relaxed);
}

void begin_window(Control& control) {
  control.last_owner.store(this_thread(), std::memory_order_relaxed);
  control.window_end_ns.store(to_nanoseconds(Clock::now() + kWindow), std::memory_order_relaxed);
}

// Counts this thread among those who queue.
class Queueing {
 public:
  explicit Queueing(Control& control) : control_(control) { control_.queueing.fetch_add(1); }
  ~Queueing() { control_.queueing.fetch_sub(1); }
  Queueing(const Queueing&) = delete;
  Queueing& operator=(const Queueing&) = delete;

 private:
  Control& control_;
};

Outcome queue_for_turn(Control& control, Instant deadline) {
  const Queueing queueing(control);
  if (control.gate.lock(deadline) == Outcome::timed_out) return Outcome::timed_out;
  const Outcome outcome = control.turn.lock(deadline);
  control.gate.unlock();
  if (outcome != Outcome::timed_out) begin_window(control);
  return outcome;
}

}  // namespace

Outcome take_turn(Control& control, Instant deadline) {
  if (may_pass_the_gate(control)) {
    const Outcome outcome = control.turn.try_lock();
    if (outcome != Outcome::timed_out) {
      if (control.last_owner.load(std::memory_order_relaxed) != this_thread()) begin_window(control);
      return outcome;
    }
  }
  return queue_for_turn(control, deadline);
}

void give_turn_back(Control& control) noexcept {
  control.turn.unlock();
}

}  // namespace usher
