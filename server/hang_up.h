// Clients that go while they wait for a worker.
#pragma once

namespace usher {

// Of a client whose sending side is closed, or whose connection is dead: has it sent nothing before? Reads nothing.
// Source: tcp(7), SIOCINQ; unix(7), SIOCINQ.
bool has_left_without_a_word(int client) noexcept;

}  // namespace usher
