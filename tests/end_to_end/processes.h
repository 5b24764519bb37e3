// The processes of a running Usher by what they do.
#pragma once

#include <sys/types.h>

#include "tests/end_to_end/installation.h"

namespace usher::testing {

pid_t pid_of(const JobRow& job);
pid_t parent_of(pid_t pid);
// True when it was there. Errors: std::logic_error for what is no single process: kill(2) would mean a group.
bool signal_to(pid_t pid, int number);

// What new workers are forked from: the one child of the starter that is called usher-worker and has no job.
pid_t template_of(const Installation& usher);
std::vector<pid_t> ready_workers(const Installation& usher);
// The worker that has this client, whose program runs or not.
pid_t worker_of(const Installation& usher, const Client& client);

}  // namespace usher::testing
