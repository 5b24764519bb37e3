#include "dataqueue/robust_mutex.h"

#include <linux/futex.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "usher/error.h"

namespace usher {
namespace {

// pthread_mutex_timedlock takes the wall clock; a jump of it only makes the loop in lock_until go round.
timespec wall_time_at(Instant at) {
  using namespace std::chrono;
  const auto wall = system_clock::now().time_since_epoch() + (at - Clock::now());
  const auto count = duration_cast<nanoseconds>(wall).count();
  return {.tv_sec = static_cast<time_t>(count / 1'000'000'000), .tv_nsec = static_cast<long>(count % 1'000'000'000)};
}

int lock_until(pthread_mutex_t* mutex, Instant deadline) {
  int result = pthread_mutex_trylock(mutex);
  if (result != EBUSY) return result;
  if (deadline == Instant::max()) return pthread_mutex_lock(mutex);
  do {
    const timespec until = wall_time_at(deadline);
    result = pthread_mutex_timedlock(mutex, &until);
  } while (result == ETIMEDOUT && Clock::now() < deadline);
  return result;
}

}  // namespace

void RobustMutex::initialize(Order order) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  if (order == Order::queue) pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex_, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

RobustMutex::Outcome RobustMutex::lock(Instant deadline) {
  return outcome(lock_until(&mutex_, deadline));
}

RobustMutex::Outcome RobustMutex::try_lock() {
  return outcome(pthread_mutex_trylock(&mutex_));
}

// The state behind the lock is made good by the caller; should it die over that, the next one is told again.
RobustMutex::Outcome RobustMutex::outcome(int result) {
  switch (result) {
    case 0: return Outcome::locked;
    case EOWNERDEAD: pthread_mutex_consistent(&mutex_); return Outcome::owner_died;
    case EBUSY:
    case ETIMEDOUT: return Outcome::timed_out;
    default: throw Error(ErrorCode::damaged, "a lock in the sidecar file", result);
  }
}

void RobustMutex::unlock() noexcept {
  pthread_mutex_unlock(&mutex_);
}

bool RobustMutex::show_life() {
  if (try_lock() == Outcome::timed_out) return false;
  mutable_word().fetch_or(FUTEX_WAITERS);
  return true;
}

void RobustMutex::end_life() noexcept {
  mutable_word().fetch_and(~std::uint32_t{FUTEX_WAITERS});
  unlock();
}

// Where the C library keeps the word that the kernel knows.
futex::Word& RobustMutex::mutable_word() noexcept {
  static_assert(sizeof(mutex_.__data.__lock) == sizeof(futex::Word));
  return reinterpret_cast<futex::Word&>(mutex_.__data.__lock);
}

const futex::Word& RobustMutex::word() const noexcept {
  return reinterpret_cast<const futex::Word&>(mutex_.__data.__lock);
}

bool RobustMutex::is_alive(std::uint32_t value) noexcept {
  return (value & FUTEX_TID_MASK) != 0 && (value & FUTEX_OWNER_DIED) == 0;
}

}  // namespace usher
