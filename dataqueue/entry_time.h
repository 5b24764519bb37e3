// Times of entries: microseconds since 1970 where they are stored.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace usher {

inline std::int64_t microseconds_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

// What the clock can say: years 1678 to 2261.
inline constexpr std::int64_t kEarliestEntry = std::chrono::system_clock::duration::min() / std::chrono::microseconds(1);
inline constexpr std::int64_t kLatestEntry = std::chrono::system_clock::duration::max() / std::chrono::microseconds(1);

// Beyond that, as only a damaged file has it, the nearest.
inline std::chrono::system_clock::time_point time_of(std::int64_t since_1970_us) {
  const std::int64_t us = std::clamp(since_1970_us, kEarliestEntry, kLatestEntry);
  return std::chrono::system_clock::time_point(std::chrono::microseconds(us));
}

}  // namespace usher
