#include "server/check_times.h"

#include <algorithm>
#include <utility>

namespace usher {

void CheckTimes::Times::age(Instant now) {
  if (now - since < kMemory) return;
  before = now - since < 2 * kMemory ? lately : 0;
  lately = 0;
  since = now;
}

void CheckTimes::note(const std::string& listener, std::uint32_t checked_ms, Instant now) {
  Times& times = by_listener_[listener];
  times.age(now);
  times.lately = std::max(times.lately, checked_ms);
}

std::uint32_t CheckTimes::slowest(const std::string& listener, Instant now) {
  const auto found = by_listener_.find(listener);
  if (found == by_listener_.end()) return 0;
  found->second.age(now);
  return std::max(found->second.lately, found->second.before);
}

}  // namespace usher
