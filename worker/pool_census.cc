#include "worker/pool_census.h"

#include <utility>

namespace usher {

void PoolCensus::follow(std::uint32_t generation, const std::vector<PoolConfig>& pools, const PoolJobs& jobs) {
  generation_ = generation;
  became_ready_.clear();
  for (const auto& [number, job] : jobs) count(*job);
  for (const PoolConfig& pool : pools) statistics_.note(pool.name, of(pool.name));
}

void PoolCensus::count(PoolJob& job) {
  take_out(job);
  const bool serves_on = !job.retiring && job.generation == generation_;
  job.counted = {serves_on && job.is_idle(), serves_on && job.stage == JobStage::starting, 1, job.in_use()};
  PoolCounts& pool = pools_[job.row.pool];
  pool += job.counted;
  statistics_.note(job.row.pool, pool);
}

void PoolCensus::forget(PoolJob& job) {
  take_out(job);
  statistics_.note(job.row.pool, pools_[job.row.pool]);
}

void PoolCensus::take_out(PoolJob& job) { pools_[job.row.pool] -= std::exchange(job.counted, {}); }

PoolCounts PoolCensus::of(const std::string& pool) const {
  const auto found = pools_.find(pool);
  return found == pools_.end() ? PoolCounts{} : found->second;
}

}  // namespace usher
