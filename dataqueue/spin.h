// Looking for a short time before going to sleep: worth it when the other side runs on another processor at this
// moment, and harmful when it waits for the one that is spun on. Nobody knows beforehand, so each thread goes by what
// it met: after spins in vain it leaves out more and more of them.
#pragma once

#include "base/clock.h"

namespace usher {

inline constexpr auto kLongestSpin = std::chrono::microseconds(50);

// Calls `done` until it is true, for at most `longest`, or not at all; what `done` said last.
template <class Done>
bool spin(Instant deadline, Done done);

namespace spinning {

// Whether the next spin of this thread is left out.
bool leave_out();
void note(bool success);
void relax();

}  // namespace spinning

template <class Done>
bool spin(Instant deadline, Done done) {
  if (done()) return true;
  if (spinning::leave_out()) return false;
  const Instant end = std::min(deadline, Clock::now() + kLongestSpin);
  bool success = false;
  do {
    for (int i = 0; i < 32 && !success; ++i) {
      spinning::relax();
      success = done();
    }
  } while (!success && Clock::now() < end);
  spinning::note(success);
  return success;
}

}  // namespace usher
