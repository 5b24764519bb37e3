// A worker that is somebody's own program: this process starts it as its user, waits for its end, and sweeps up after
// it.
//
// Does:     becomes nobody itself; gives the program the channel on which connections come, the page of its use and a
// pipe for one
//           byte; tells starter and pool that it is ready when that byte has come; passes SIGTERM on, which asks it to
//           go.
// Knows:    what a worker knows, but no client: connections go from the listener to the program.
// Believes: its program nothing: a byte on a pipe is all it hears of it.
// Reports:  to the starter and the pool, as any worker.
#pragma once

#include "worker/worker.h"

namespace usher {

// The whole life of the process, from just after the fork. Never throws.
WorkerExit run_own_worker(WorkerParts parts) noexcept;

}  // namespace usher
