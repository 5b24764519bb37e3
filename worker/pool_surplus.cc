#include "worker/pool_surplus.h"

#include <algorithm>

namespace usher {

void PoolSurplus::configure(const std::vector<PoolConfig>& pools) {
  periods_.clear();
  for (const PoolConfig& pool : pools) {
    Period& period = periods_[pool.name];
    period.config = pool;
    begin(period);
  }
}

void PoolSurplus::note(const std::string& pool, std::uint32_t ready) {
  Period& period = periods_.at(pool);
  period.ready = ready;
  period.least = std::min(period.least, ready);
}

void PoolSurplus::begin(Period& period) {
  period.least = period.ready;
  period.end = loop_.after(period.config.idle_time, [this, &period] {
    const std::uint32_t kept = std::max(period.config.initial, period.config.threshold);
    if (period.least > kept) retire_(period.config.name, period.least - kept);
    begin(period);
  });
}

}  // namespace usher
