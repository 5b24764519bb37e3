// The turn: the one lock under which a library and its sidecar are changed.
//
// Two mutexes, both robust. Whoever finds the turn taken queues at the gate, which is handed over in order of arrival,
// and behind it waits for the turn itself; so at most one waits there. Whoever had the turn last may take it again past
// the gate for 100 us: without that every second operation would be a wake-up of another process.
//
// If the owner dies, the next one is told so (owner_died) and has to put right what was being changed. If one dies at
// the gate, the kernel passes the gate on. `queueing` is only a hint: one who dies while he queues leaves it too high,
// which sends everybody through the gate and costs nothing but that.
#pragma once

#include "dataqueue/sidecar_layout.h"

namespace usher {

using Outcome = RobustMutex::Outcome;

Outcome take_turn(Control& control, Instant deadline);
void give_turn_back(Control& control) noexcept;

}  // namespace usher
