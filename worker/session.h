// The time in which the client's program runs: waits for its end, watches the connection without reading it, hears the starter,
// and knows how a program is asked, told and made to end.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/channel.h"
#include "worker/ending.h"
#include "worker/launch.h"
#include "worker/pool_link.h"

namespace usher {

struct SessionWatch {
  int connection;
  Channel& starter;
  PoolLink& pool;
  std::chrono::milliseconds timeout;  // 0: none
};

struct ProgramEnd {
  int wait_status = 0;
  using Why = EndCause;
  Why why = Why::by_itself;
};

// Returns when the program has ended, one way or another. What it left running is still there.
ProgramEnd wait_for_program(const Launched& program, const SessionWatch& watch);

}  // namespace usher
