#include "dataqueue/fair_lock.h"

#include <unistd.h>

#include <chrono>
#include <memory>

#include "dataqueue/spin.h"

namespace usher {
namespace {

constexpr auto kWindow = std::chrono::microseconds(200);
constexpr auto kSpinAlone = std::chrono::microseconds(30);  // about a turn with a transaction
constexpr auto kSpin = std::chrono::microseconds(3);  // about a turn that hands an entry over

std::uint32_t this_thread() {
  static thread_local const auto id = static_cast<std::uint32_t>(::gettid());
  return id;
}

// Counts this thread among those who queue.
class Queueing {
 public:
  explicit Queueing(std::atomic<std::uint32_t>& count) : count_(count) { count_.fetch_add(1); }
  ~Queueing() { count_.fetch_sub(1); }
  Queueing(const Queueing&) = delete;
  Queueing& operator=(const Queueing&) = delete;

 private:
  std::atomic<std::uint32_t>& count_;
};

struct Unlock {
  void operator()(RobustMutex* mutex) const noexcept { mutex->unlock(); }
};

}  // namespace

void FairLock::initialize() {
  gate_.initialize(RobustMutex::Order::queue);
  lock_.initialize(RobustMutex::Order::any);
  queueing_ = 0;
  last_owner_ = 0;
  window_end_ns_ = 0;
}

bool FairLock::may_pass_the_gate() const {
  if (queueing_.load(std::memory_order_relaxed) == 0) return true;
  return last_owner_.load(std::memory_order_relaxed) == this_thread() &&
         to_nanoseconds(Clock::now()) < window_end_ns_.load(std::memory_order_relaxed);
}

void FairLock::begin_window() {
  last_owner_.store(this_thread(), std::memory_order_relaxed);
  window_end_ns_.store(to_nanoseconds(Clock::now() + kWindow), std::memory_order_relaxed);
}

Outcome FairLock::try_if_free() {
  return lock_.is_taken() ? Outcome::timed_out : lock_.try_lock();
}

// Where it is this thread's anyway: to sleep until the owner is done takes longer than that takes.
Outcome FairLock::try_while_alone(Instant deadline) {
  static thread_local SpinHabit habit;
  Outcome outcome = Outcome::timed_out;
  const auto done = [&] {
    if (queueing_.load(std::memory_order_relaxed) != 0) return true;
    outcome = try_if_free();
    return outcome != Outcome::timed_out;
  };
  spin(habit, kSpinAlone, deadline, done);
  return outcome;
}

// Many turns are over before one could fall asleep.
Outcome FairLock::lock_at_gate(Instant deadline) {
  static thread_local SpinHabit habit;
  Outcome outcome = Outcome::timed_out;
  const auto done = [&] {
    outcome = try_if_free();
    return outcome != Outcome::timed_out;
  };
  return spin(habit, kSpin, deadline, done) ? outcome : lock_.lock(deadline);
}

Outcome FairLock::queue(Instant deadline) {
  const Queueing queueing(queueing_);
  if (gate_.lock(deadline) == Outcome::timed_out) return Outcome::timed_out;
  const std::unique_ptr<RobustMutex, Unlock> gate(&gate_);
  const Outcome outcome = lock_at_gate(deadline);
  if (outcome != Outcome::timed_out) begin_window();
  return outcome;
}

Outcome FairLock::lock(Instant deadline) {
  if (may_pass_the_gate()) {
    const Outcome outcome = lock_.try_lock();
    if (outcome != Outcome::timed_out) {
      if (last_owner_.load(std::memory_order_relaxed) != this_thread()) begin_window();
      return outcome;
    }
  }
  const Outcome outcome = try_while_alone(deadline);
  if (outcome == Outcome::timed_out) return queue(deadline);
  begin_window();
  return outcome;
}

}  // namespace usher
