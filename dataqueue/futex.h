// Futex words in shared memory: sleep on one or two of them, wake, and move sleepers from one to another.
//
// Source: futex(2), futex_waitv (Linux 5.16; Documentation/userspace-api/futex2.rst). Where there is no futex_waitv the
//         guarded wait sleeps on its own word alone.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace usher::futex {

using Word = std::atomic<std::uint32_t>;

// A word and the value it must still have for a sleep to begin.
struct Expected {
  const Word* word = nullptr;
  std::uint32_t value = 0;
};

// Sleeps while both words have their values, until one is woken or `deadline` passes. `guarded` may be without a word.
// Returns for any reason at all: the caller looks again.
//
// The kernel queues the sleeper on `guarded` first and compares `own` last. A process that first changes `own` and then
// moves the sleepers of `guarded` therefore either finds this one queued there, or has made its sleep fail.
void wait(Expected guarded, Expected own, Instant deadline);

void wake_one(const Word& word);
void wake_all(const Word& word);

// Everyone who sleeps on `from` sleeps on `to` from now on, without waking.
void move_sleepers(const Word& from, const Word& to);

}  // namespace usher::futex
