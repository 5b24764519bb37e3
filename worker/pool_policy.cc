#include "worker/pool_policy.h"

#include <algorithm>

namespace usher {

std::uint32_t workers_to_start(const PoolConfig& pool, const PoolCounts& counts, bool first) {
  const std::uint32_t available = counts.ready + counts.starting;
  const std::uint32_t room = pool.maximum - std::min(pool.maximum, counts.total);
  const std::uint32_t for_initial = first ? pool.initial - std::min(pool.initial, available) : 0;
  const std::uint32_t for_threshold = available < pool.threshold ? pool.additional : 0;
  return std::min(std::max(for_initial, for_threshold), room);
}

}  // namespace usher
