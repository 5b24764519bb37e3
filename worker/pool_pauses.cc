#include "worker/pool_pauses.h"

#include <algorithm>

#include "base/log.h"

namespace usher {

bool PoolPauses::paused(const std::string& pool) const {
  const auto pause = pauses_.find(pool);
  return pause != pauses_.end() && pause->second.timer.pending();
}

void PoolPauses::begin(const std::string& pool, const std::string& reason) {
  Pause& pause = pauses_[pool];
  if (pause.timer.pending()) return;
  pause.time = std::clamp<std::chrono::milliseconds>(pause.time * 2, kShortest, kLongest);
  log::warning("pool_paused", {{"pool", pool}, {"ms", pause.time.count()}, {"reason", reason}});
  pause.timer = loop_.after(pause.time, over_);
}

}  // namespace usher
