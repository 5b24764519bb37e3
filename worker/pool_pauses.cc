#include "worker/pool_pauses.h"

#include <algorithm>

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kShortest = 50ms;
constexpr std::chrono::milliseconds kLongest = 5s;

}  // namespace

void PoolPauses::pause(const std::string& pool, const std::string& reason) {
  Pause& pause = pauses_[pool];
  if (pause.timer.pending()) return;
  pause.time = std::clamp(pause.time * 2, kShortest, kLongest);
  complaints_[pool].tell("pool_paused", {{"pool", pool}, {"reason", reason}});
  pause.timer = loop_.after(pause.time, over_);
}

bool PoolPauses::holds(const std::string& pool) const {
  const auto pause = pauses_.find(pool);
  return pause != pauses_.end() && pause->second.timer.pending();
}

}  // namespace usher
