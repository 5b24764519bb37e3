// The pool: keeps workers ready, knows every job, decides who gets a place.
//
// Does:     asks the starter for workers by the policy of a prestart job entry; announces those that are ready to the listener and
//           in the ready queue; follows each job by its worker's reports; grants places; keeps job logs, registry and history.
// Knows:    the configuration, the jobs. Runs as the service user; holds no client's descriptor.
// Believes: the starter about which workers exist; workers (root's) about their own jobs; of pool.sock only processes that the
//           kernel says are such workers; anybody on jobs.sock, nothing but what the kernel says of them.
// Reports:  to the starter what to start and end; to the registry, in one transaction a round, everything that has changed.
#pragma once

#include "base/unique_fd.h"

namespace usher {

// Runs until the starter says Stop or is gone; the exit status.
int run_pool(UniqueFd starter, UniqueFd pool_socket, UniqueFd jobs_socket);

}  // namespace usher
