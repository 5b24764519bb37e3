// What a dead process left running below this one: found by parent ids in /proc, stopped first so that it cannot outrun the
// search by forking, then killed. This process must be a subreaper (PR_SET_CHILD_SUBREAPER): orphans become its children.
//
// Source: prctl(2), proc(5). Not /proc/PID/task/TID/children: kernels without CONFIG_PROC_CHILDREN lack it.
#pragma once

#include <sys/types.h>

#include <functional>
#include <vector>

#include "base/clock.h"

namespace usher {

// All processes below this one, but none below a child for which `keep` is true, nor that child.
using Keep = std::function<bool(pid_t child)>;
std::vector<pid_t> descendants(const Keep& keep);

// One pass: stops and kills what descendants() finds. How many there were.
std::size_t kill_descendants(const Keep& keep);

// Kills and reaps everything below this process. False when something is still there at `deadline` (it cannot die: it waits
// for a disk, say).
bool end_all_descendants(Instant deadline);

// The same for all but one child, which stays; what is dead then is not reaped yet. No child: all of them.
bool end_descendants_but(pid_t kept, Instant deadline);

}  // namespace usher
