// The processor time of a server: all its processes, those that have ended too.
//
// Model:  what a living process has run the scheduler knows to the nanosecond; what its children had run when it waited for
//         them is counted in ticks. A zombie has not been waited for yet, and is counted with the living.
// Shape:  processes of one thread each; for a child to count, its parent must wait for it.
// Source: proc(5), stat and schedstat.
#pragma once

#include <sys/types.h>

#include <chrono>

namespace usher::bench {

// Of the process and everything below it.
std::chrono::nanoseconds processor_time_of(pid_t pid);

// The same when it has not run for a moment.
std::chrono::nanoseconds calm_processor_time_of(pid_t pid);

}  // namespace usher::bench
