// Looking for a short time before going to sleep: worth it when the other side runs on another processor at this
// moment, and harmful when it waits for the one that is spun on. Nobody knows beforehand, so each thread goes by what
// it met, for each purpose apart: after spins in vain it leaves out more and more of them, at last 31 of 32.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace usher {

inline constexpr auto kLongestSpin = std::chrono::microseconds(50);

// What a thread met where it spins for one purpose.
class SpinHabit {
 public:
  // Whether the next spin is left out.
  bool leaves_out();
  void note(bool success);

 private:
  std::uint32_t left_out_ = 0;  // still to be left out
  std::uint32_t penalty_ = 0;   // how many after the next spin in vain
};

// Lets the other threads of the processor's core go first.
void relax() noexcept;

// Calls `done` until it is true, for at most `longest`, or not at all; what `done` said last.
template <class Done>
bool spin(SpinHabit& habit, std::chrono::microseconds longest, Instant deadline, Done done) {
  if (done()) return true;
  if (habit.leaves_out()) return false;
  const Instant end = std::min(deadline, Clock::now() + longest);
  bool success = false;
  do {
    for (int i = 0; i < 32 && !success; ++i) {
      relax();
      success = done();
    }
  } while (!success && Clock::now() < end);
  habit.note(success);
  return success;
}

}  // namespace usher
