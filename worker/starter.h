// The starter: parent of everything, root, and as little as that can be.
//
// Does:     reads the configuration, binds the sockets, starts and restarts listener, pool and template, has workers forked
//           within their pool's maximum, ends those that take too long, reaps all, kills what killed workers leave behind.
// Knows:    the configuration, its children. Calls no PAM, reads no network, opens no database.
// Believes: the kernel about its children; its services only what their tables let through; the operator on control.sock.
// Reports:  to the pool which workers exist and how they ended; to the operator; to the log.
#pragma once

#include <string>

#include "base/unique_fd.h"

namespace usher {

struct StarterOptions {
  std::string configuration;  // path of usher.toml
  bool detached = false;      // in the background: standard error is given up once everything is ready
  UniqueFd ready;             // gets one byte when everything is ready; may be none
  UniqueFd state;             // of the starter that became this one (starter_state.h); may be none
};

// Runs until it is told to stop; the exit status. Faults and reasons are on standard error.
int run_starter(StarterOptions options);

}  // namespace usher
