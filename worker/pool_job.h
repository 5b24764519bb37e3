// One worker as the pool knows it.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "base/link.h"
#include "handover/own_connection.h"
#include "jobs/job.h"
#include "worker/pool_log.h"
#include "worker/pool_messages.h"
#include "worker/pool_places.h"
#include "worker/pool_policy.h"

namespace usher {

struct PoolJob {
  Job row;
  std::uint32_t generation = 0;
  JobStage stage = JobStage::starting;
  Dispatch road = Dispatch::queue;
  bool forked = false;    // the starter says that there is a process
  bool joined = false;    // its login process is up
  bool retiring = false;  // out of the ready queue, told to go
  Channel listeners_end;  // while it is ready: a listener that is started anew gets it
  std::unique_ptr<Link> link;
  Gate gate{kWorkerJobReports};
  std::unique_ptr<JobLog> log;
  bool reserved = false;  // its session's place; a pool that is started anew does not know, and counts it with the others
  std::optional<SessionPlace> place;
  std::optional<Ended> end;
  std::optional<MappedUsePage> use;  // an own worker's
  PoolCounts counted;                // as what its pool's counts have it

  // It has a client, or has had one and is not gone yet.
  bool in_use() const noexcept {
    return stage == JobStage::ready ? row.status == JobStatus::active : stage != JobStage::starting;
  }
  SessionPlace wanted_place() const { return {row.listener, row.program, row.user, reserved}; }
  void set_stage(JobStage next, JobStatus status);
  // Waits for a client.
  bool is_idle() const { return stage == JobStage::ready && row.status != JobStatus::active; }
  // An own worker's program, with the page of its use.
  void begin_program(const OwnProgram& said, UniqueFd page, const std::vector<std::string>& command);
  void activate(const Active& said);
  // Its worker has come back to a new pool and says where it stands.
  void resume(const Resume& said);
};

using PoolJobs = std::map<std::uint32_t, std::unique_ptr<PoolJob>>;

// "normal", "status 3", "signal SIGKILL", "refused 900", ...: how the registry writes an end.
std::string text_of(const Ended& end);

JobStage stage_of(JobStatus status);

// The job of this process, or of the listener.
Job service_job(JobKind kind, pid_t pid, std::uint32_t number);

}  // namespace usher
