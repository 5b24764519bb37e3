// Times of entries: microseconds since 1970 where they are stored.
#pragma once

#include <chrono>
#include <cstdint>

namespace usher {

inline std::int64_t microseconds_of(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}
inline std::chrono::system_clock::time_point time_of(std::int64_t since_1970_us) {
  return std::chrono::system_clock::time_point(std::chrono::microseconds(since_1970_us));
}

}  // namespace usher
