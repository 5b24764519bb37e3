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
  timer_ = loop_.after(kWriteEvery, [this] { write(); });
}

void PoolStatistics::write() {
  if (store_ && figures_.changed()) store_->put(figures_.rows());
}

void PoolStatistics::begin(bool goes_on) {
  goes_on ? figures_.go_on_from(store_->statistics()) : store_->forget_statistics();
}

void PoolStatistics::reset() {
  figures_.reset();
  write();
}

}  // namespace usher
