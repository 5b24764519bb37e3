// How many workers of each pool do what: kept up with every change, so that no peak is missed and a look costs the same
// however many there are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "worker/pool_job.h"
#include "worker/pool_statistics.h"

namespace usher {

class PoolCensus {
 public:
  explicit PoolCensus(PoolStatistics& statistics) : statistics_(statistics) {}

  // A new generation: those of others count as existing, and as in use, no more.
  void follow(std::uint32_t generation, const std::vector<PoolConfig>& pools, const PoolJobs& jobs);
  // The job is new, or has changed.
  void count(PoolJob& job);
  void forget(PoolJob& job);

  PoolCounts of(const std::string& pool) const;

  // Another worker of this generation is ready for the first time, and how many have been.
  void note_ready(const std::string& pool) { ++became_ready_[pool]; }
  std::uint32_t became_ready(const std::string& pool) { return became_ready_[pool]; }

 private:
  void take_out(PoolJob& job);

  PoolStatistics& statistics_;
  std::uint32_t generation_ = 0;
  std::map<std::string, PoolCounts> pools_;
  std::map<std::string, std::uint32_t> became_ready_;
};

}  // namespace usher
