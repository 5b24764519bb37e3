// usher-public: one public listener, whose program is started for each connection without a login.
//
// Does:     accepts, starts the program (vfork, nothing else on the way), ends it when its connection is dead or its time is
//           over, and what it leaves running; tells the pool of it when there is time.
// Knows:    its plan (public_plan.h). Is the listener's user from its first instruction on: it has no privilege to lose.
// Believes: the starter; the pool about job numbers. Reads no byte from any client.
// Reports:  to the starter that it is ready; to the pool its jobs; failures to the log, at most one of a kind a minute.
#pragma once

#include "base/unique_fd.h"

namespace usher {

// Runs until the starter says Stop and the last program has ended; the exit status.
int run_public_listener(UniqueFd starter);

}  // namespace usher
