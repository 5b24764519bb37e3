// What the kernel does to a process of a connection when the starter, its parent, dies.
// Source: prctl(2): the wish is lost by a fork and by a change of ids, and has to be told anew.
#pragma once

#include <csignal>

namespace usher {

// `signal` is sent to this process; 0: none. Throws std::system_error.
void when_starter_dies(int signal);
inline void end_with_starter() { when_starter_dies(SIGKILL); }

// For closing a session, which nobody but the starter would end if a PAM module hung in it: ends this process a while after
// the starter's death, at once counted when the starter does not live.
void hurry_when_starter_dies(bool starter_lives);

}  // namespace usher
