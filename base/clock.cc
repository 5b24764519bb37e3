#include "base/clock.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace usher {

int milliseconds_until(Instant at) {
  using std::chrono::milliseconds;
  const auto left = std::chrono::ceil<milliseconds>(at - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 86'400'000));
}

std::int64_t wall_clock_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string rfc3339(std::int64_t wall_ms) {
  const auto seconds = static_cast<time_t>(wall_ms / 1000);
  tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const auto length = strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(wall_ms % 1000));
  return text.data();
}

}  // namespace usher
