// What the starter does to its own process: signals, descriptors, terminal.
#pragma once

#include "base/unique_fd.h"

namespace usher {

// SIGCHLD, SIGTERM, SIGINT and SIGHUP, as a descriptor; none of them interrupts any more, and SIGPIPE is ignored.
UniqueFd hear_signals_of_starter();

// Close-on-exec.
UniqueFd duplicate(int fd);

// Standard input, output and error lead nowhere from now on.
void give_up_terminal();

}  // namespace usher
