#include "tests/end_to_end/processes.h"

#include <signal.h>

#include <algorithm>
#include <stdexcept>

#include "tests/support/process_table.h"

namespace usher::testing {

pid_t pid_of(const JobRow& job) {
  return static_cast<pid_t>(std::stol(job.at("pid")));
}

pid_t parent_of(pid_t pid) {
  for (const ProcessEntry& process : process_table()) {
    if (process.pid == pid) return process.parent;
  }
  return 0;
}

bool signal_to(pid_t pid, int number) {
  if (pid <= 1) throw std::logic_error("a signal to process " + std::to_string(pid));
  return ::kill(pid, number) == 0;
}

pid_t template_of(const Installation& usher) {
  const std::vector<JobRow> jobs = usher.jobs();
  for (const ProcessEntry& process : children_of(usher.starter())) {
    const auto is_of = [&](const JobRow& job) {
      return pid_of(job) == process.pid || parent_of(pid_of(job)) == process.pid;
    };
    if (process.name == "usher-worker" && std::none_of(jobs.begin(), jobs.end(), is_of)) return process.pid;
  }
  return 0;
}

std::vector<pid_t> ready_workers(const Installation& usher) {
  std::vector<pid_t> workers;
  for (const JobRow& job : usher.jobs()) {
    if (job.at("status") == "ready") workers.push_back(pid_of(job));
  }
  return workers;
}

pid_t worker_of(const Installation& usher, const Client& client) {
  pid_t pid = pid_of(usher.job_of(client));
  while (parent_of(pid) != usher.starter()) {
    pid = parent_of(pid);
    if (pid <= 1) throw std::runtime_error("no worker has the client " + client.local_address());
  }
  return pid;
}

}  // namespace usher::testing
