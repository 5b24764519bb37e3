#include "worker/pool_job.h"

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

}  // namespace usher
