// Who descends from whom, as the kernel says: which job a process belongs to.
//
// Model:  a job is its worker and everything below it; orphans come back to the worker, which is a subreaper. The way
// up from a
//         process goes over the parents in /proc.
// Errors: a process that is gone, or that /proc hides (hidepid), belongs to nobody.
// Source: proc(5), status: PPid, Uid.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>

namespace usher {

struct ProcessFacts {
  pid_t parent = 0;
  uid_t real = 0;
  uid_t effective = 0;
};
std::optional<ProcessFacts> facts_of_process(pid_t pid);

// The nearest process above `pid`, itself included, that `is_worker` knows; 0 when there is none, and when the process
// has not the effective user `user` (any more): then the number is another process's by now. A process that became
// somebody else than the job's own user, but for root, is not counted to the job.
pid_t worker_above(pid_t pid, uid_t user, const std::function<bool(pid_t)>& is_worker);

}  // namespace usher
