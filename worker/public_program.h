// One running program of a public listener.
#pragma once

#include <sys/resource.h>

#include <cstdint>

#include "base/clock.h"
#include "base/endpoint.h"
#include "base/event_loop.h"
#include "base/job_id.h"
#include "base/unique_fd.h"
#include "worker/ending.h"

namespace usher {

struct PublicProgram {
  pid_t pid = 0;
  UniqueFd connection;
  Endpoint client;
  std::uint32_t number = 0;
  std::int64_t entered = 0;  // milliseconds since 1970
  Instant started{};
  Instant deadline = Instant::max();  // its timeout
  Ending ending{};
  bool settled = false;         // has lived for a moment: its connection is watched
  EventLoop::Watch hang_up{};
  bool recorded = false;  // the pool has been told of it
  JobId id{};             // then
};

}  // namespace usher
