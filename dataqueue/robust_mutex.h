// A mutex in memory shared by processes that survives its owner: when a thread dies in possession of one, the kernel
// marks the mutex and wakes the next.
//
// Used for two things. As a lock, where the next owner is told that the last one died. And as a sign of life: a thread
// locks one of its own and never lets go while it takes part; others look at the word, or sleep on it, and the kernel
// wakes one of them when the thread dies, whatever kills it.
//
// Shape:  bytes of the C library: processes must agree on it (the sidecar's header says which layout it has), and be in
// one
//         pid namespace, for the word holds a thread id.
// Source: pthread_mutexattr_setrobust(3), set_robust_list(2), Documentation/locking/robust-futex-ABI.rst.
#pragma once

#include <pthread.h>

#include "base/clock.h"
#include "dataqueue/futex.h"

namespace usher {

class RobustMutex {
 public:
  enum class Order {
    any,    // whoever comes first after an unlock gets it
    queue,  // priority inheritance: handed over in order of arrival
  };
  // Makes the bytes a mutex that is free. Nobody may use it meanwhile.
  void initialize(Order order);

  enum class Outcome { locked, owner_died, timed_out };
  // Errors: Error(damaged) when the bytes are no mutex any more.
  Outcome lock(Instant deadline);
  Outcome try_lock();
  void unlock() noexcept;
  // At a glance; a dead owner has it.
  bool is_taken() const noexcept { return word().load(std::memory_order_relaxed) != 0; }

  // Sign of life. A thread that shows one holds the mutex and has marked it as waited for, so that the kernel wakes a
  // sleeper on word() at its death. False when the mutex is held by somebody else who lives.
  bool show_life();
  // Ends it without waking anybody; sleepers on word() must have been moved away.
  void end_life() noexcept;
  // Ends it as a death would: one sleeper on word() wakes and finds nobody alive here.
  void play_dead() noexcept { unlock(); }

  const futex::Word& word() const noexcept;
  static bool is_alive(std::uint32_t value) noexcept;
  bool shows_life() const noexcept { return is_alive(word().load(std::memory_order_acquire)); }

 private:
  futex::Word& mutable_word() noexcept;
  Outcome outcome(int result);

  pthread_mutex_t mutex_;
};

}  // namespace usher
