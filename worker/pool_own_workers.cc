#include "worker/pool_own_workers.h"

namespace usher {
namespace {

constexpr std::chrono::milliseconds kEvery{250};

}  // namespace

void PoolOwnWorkers::begin(PoolJob& job, Packet& packet, const Configuration& configuration) {
  const PoolConfig* pool = configuration.pool(job.row.pool);
  job.begin_program(packet.as<OwnProgram>(), packet.take_descriptor(0),
                    pool ? pool->command : std::vector<std::string>());
  changed_(job);
  if (!next_.pending()) look();
}

void PoolOwnWorkers::look() {
  bool any = false;
  for (const auto& [number, job] : jobs_) {
    if (!job->use) continue;
    any = true;
    if (update(*job)) changed_(*job);
  }
  if (any) next_ = loop_.after(kEvery, [this] { look(); });
}

// True when there is news.
bool PoolOwnWorkers::update(PoolJob& job) {
  const std::uint64_t served = (*job.use)->served;
  const bool busy = (*job.use)->taken > served;
  const bool same_count = std::exchange(job.row.served, served) == served;
  const JobStatus status = busy ? JobStatus::active : JobStatus::ready;
  if (job.stage != JobStage::ready || job.row.status == status) return !same_count;
  job.set_stage(JobStage::ready, status);
  return true;
}

bool PoolOwnWorkers::was_useless(PoolJob& job) {
  if (!job.use) return false;
  update(job);
  return job.row.served == 0 && !job.retiring;
}

}  // namespace usher
