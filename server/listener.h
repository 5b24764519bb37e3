// The listener: accepts clients and hands each to a ready worker.
//
// Does:     accepts; evicts when too many are logging in; receives the id of a ready worker from the ready queue and marks its job
//           assigned, in one transaction; sends the client to that worker; gives it to another when the worker dies before it
//           says Taken; tells clients that cannot be served so.
// Knows:    the configuration, the listening sockets, the descriptors of clients until their login is over. Reads no byte from
//           any client. Runs as the service user.
// Believes: the starter; the pool about how ready workers are reached; the registry about who is ready; workers (root's) that
//           they have taken a client and that its login is over.
// Reports:  to the starter that it accepts; to the registry which worker is assigned; to the log.
#pragma once

#include "base/unique_fd.h"

namespace usher {

// Runs until the starter says Stop or is gone; the exit status.
int run_listener(UniqueFd starter);

}  // namespace usher
