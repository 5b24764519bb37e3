#include "worker/pool_policy.h"

#include <algorithm>

namespace usher {

PoolCounts& PoolCounts::operator+=(const PoolCounts& other) {
  ready += other.ready;
  starting += other.starting;
  total += other.total;
  in_use += other.in_use;
  return *this;
}

PoolCounts& PoolCounts::operator-=(const PoolCounts& other) {
  ready -= other.ready;
  starting -= other.starting;
  total -= other.total;
  in_use -= other.in_use;
  return *this;
}

std::uint32_t workers_to_start(const PoolConfig& pool, const PoolCounts& counts, bool first) {
  const std::uint32_t available = counts.ready + counts.starting;
  const std::uint32_t room = pool.maximum - std::min(pool.maximum, counts.total);
  const std::uint32_t for_initial = first ? pool.initial - std::min(pool.initial, available) : 0;
  const std::uint32_t for_threshold = available < pool.threshold ? pool.additional : 0;
  return std::min(std::max(for_initial, for_threshold), room);
}

}  // namespace usher
