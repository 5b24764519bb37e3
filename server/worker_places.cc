#include "server/worker_places.h"

namespace usher {

void WorkerPlaces::configure(std::map<std::string, std::uint32_t> most) {
  most_ = std::move(most);
  for (auto& [name, pool] : pools_) admit_waiting(name, pool);
}

bool WorkerPlaces::has_room(const std::string& name, const Pool& pool) const {
  const auto most = most_.find(name);
  return most == most_.end() || pool.inside.size() < most->second;
}

bool WorkerPlaces::enter(const VisitorPtr& visitor) {
  if (visitor->guest.reserved) return true;
  Pool& pool = pools_[visitor->pool];
  if (pool.inside.contains(visitor->serial)) return true;
  if (has_room(visitor->pool, pool)) return pool.inside.insert(visitor->serial).second;
  pool.waiting[visitor->serial] = visitor;
  return false;
}

void WorkerPlaces::leave(const Visitor& visitor) {
  const auto pool = pools_.find(visitor.pool);
  if (pool == pools_.end()) return;
  pool->second.waiting.erase(visitor.serial);
  if (pool->second.inside.erase(visitor.serial) > 0) admit_waiting(pool->first, pool->second);
}

void WorkerPlaces::admit_waiting(const std::string& name, Pool& pool) {
  while (!pool.waiting.empty() && has_room(name, pool)) {
    const VisitorPtr next = pool.waiting.begin()->second;
    pool.waiting.erase(pool.waiting.begin());
    pool.inside.insert(next->serial);
    admitted_(next);
  }
}

}  // namespace usher
