#include "worker/pool_statistics.h"

namespace usher {
namespace {

constexpr std::chrono::seconds kWriteEvery{1};

}  // namespace

void PoolStatistics::note(const std::string& pool, const PoolCounts& counts) {
  figures_.set(pool, "workers", counts.total);
  figures_.set(pool, "in_use", counts.in_use);
  figures_.count(pool, "start_failures", 0);
  write_later();
}

void PoolStatistics::start_failed(const std::string& pool) {
  figures_.count(pool, "start_failures");
  write_later();
}

void PoolStatistics::write_later() {
  if (!figures_.changed() || timer_.pending()) return;
  timer_ = loop_.after(kWriteEvery, [this] {
    if (store_) store_->put(figures_.rows());
  });
}

}  // namespace usher
