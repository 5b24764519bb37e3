// Which job this process is, asked of the pool once a process: for the sender of a data queue's entries.
#include <unistd.h>

#include "dataqueue/identity.h"
#include "handover/jobs_socket.h"

namespace usher {
namespace {

constexpr std::chrono::milliseconds kPatience{500};

// A process that is no job, or that no pool answers, is told by what the kernel knows of it.
std::optional<std::string> job_of_this_process() try {
  if (::access(jobs_socket_path().c_str(), W_OK) != 0) return std::nullopt;  // no Usher runs
  return ask_own_job(kPatience).name;
} catch (const std::exception&) {
  return std::nullopt;
}

[[maybe_unused]] const bool kKnown = [] {
  set_job_source(job_of_this_process);
  return true;
}();

}  // namespace
}  // namespace usher
