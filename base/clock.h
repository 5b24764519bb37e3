// Time: a steady clock that all processes of the machine share, and the wall clock as it is written.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace usher {

// CLOCK_MONOTONIC: an instant taken in one process means the same in another.
using Clock = std::chrono::steady_clock;
using Instant = Clock::time_point;

inline std::int64_t to_nanoseconds(Instant at) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch()).count();
}
inline Instant from_nanoseconds(std::int64_t since_boot) {
  return Instant(std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds(since_boot)));
}

// Milliseconds from now until `at`, rounded up, 0 when past, at most a day: what poll() takes.
int milliseconds_until(Instant at);

// The wall clock in milliseconds since 1970, UTC.
std::int64_t wall_clock_ms();

// "2026-11-20T11:43:02.123Z".  Source: RFC 3339.
std::string rfc3339(std::int64_t wall_ms);

}  // namespace usher
