#include "worker/pool_job.h"

#include <unistd.h>

#include <array>

#include "dataqueue/identity.h"
#include "base/clock.h"
#include "base/signal_name.h"

namespace usher {

std::string text_of(const Ended& end) {
  switch (end.kind) {
    case EndKind::normal: return "normal";
    case EndKind::status: return "status " + std::to_string(end.value);
    case EndKind::signal: return "signal " + signal_name(end.value);
    case EndKind::refused: return "refused " + std::to_string(end.value);
    case EndKind::evicted: return "evicted";
    case EndKind::retired: return "retired";
    case EndKind::lost: return "lost";
  }
  return "lost";
}

JobStage stage_of(JobStatus status) {
  switch (status) {
    case JobStatus::starting: return JobStage::starting;
    case JobStatus::ready:
    case JobStatus::assigned: return JobStage::ready;
    case JobStatus::login: return JobStage::login;
    case JobStatus::active: return JobStage::active;
    case JobStatus::ending:
    case JobStatus::ended: return JobStage::ending;
  }
  return JobStage::unknown;
}

void PoolJob::set_stage(JobStage next, JobStatus status) {
  stage = next;
  row.status = status;
  row.since = wall_clock_ms();
}

void PoolJob::begin_program(const OwnProgram& said, UniqueFd page, const std::vector<std::string>& command) {
  row.pid = said.program_pid;
  row.user = said.user.str();
  if (!command.empty()) row.program = command.front().substr(command.front().rfind('/') + 1);
  use.emplace(page.get());
}

// The user this process runs as: the configured one, or whoever started Usher without root.
Job service_job(JobKind kind, pid_t pid, std::uint32_t number) {
  Job job;
  job.id = JobId::random();
  job.number = number;
  job.owner = job.user = current_sender().current_user;
  job.name = name_of(kind);
  job.kind = kind;
  job.status = JobStatus::active;
  job.pid = pid;
  job.entered = job.since = wall_clock_ms();
  return job;
}

void PoolJob::activate(const Active& said) {
  row.pid = said.program_pid;
  row.transport = text_of(said.transport);
  set_stage(JobStage::active, JobStatus::active);
}

void PoolJob::resume(const Resume& said) {
  constexpr std::array kStatuses{JobStatus::starting, JobStatus::ready,  JobStatus::login,
                                 JobStatus::active,   JobStatus::ending, JobStatus::ending};
  row.id.bytes = said.id;
  row.number = said.number;
  row.listener = said.listener.str();
  row.client = said.client.str();
  row.program = said.program.str();
  if (!said.user.empty()) row.user = said.user.str();
  row.transport = text_of(said.transport);
  if (said.program_pid > 0) row.pid = said.program_pid;
  if (row.entered == 0) row.entered = wall_clock_ms();
  forked = joined = true;
  gate = Gate(kWorkerJobReports);
  const JobStatus status = kStatuses.at(static_cast<std::size_t>(said.stage));
  if (row.status == status) {
    stage = said.stage;
  } else {
    set_stage(said.stage, status);
  }
}

}  // namespace usher
