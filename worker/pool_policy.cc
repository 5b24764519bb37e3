#include "worker/pool_policy.h"

#include <algorithm>

namespace usher {

std::uint32_t workers_to_start(const PoolConfig& pool, const PoolCounts& counts, bool first) {
  const std::uint32_t available = counts.ready + counts.starting;
  const std::uint32_t room = pool.maximum - std::min(pool.maximum, counts.total);
  if (first) return std::min(pool.initial - std::min(pool.initial, available), room);
  return available < pool.threshold ? std::min(pool.additional, room) : 0;
}

}  // namespace usher
