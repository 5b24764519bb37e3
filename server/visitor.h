// A client that has not logged in yet, as the listener holds it: a descriptor that is never read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/configuration.h"
#include "base/event_loop.h"
#include "base/unique_fd.h"
#include "server/delivery.h"
#include "server/client_limits.h"
#include "server/hang_up.h"

namespace usher {

struct Visitor {
  enum class State { pending, handed_over, taken, evicted };

  std::uint64_t serial = 0;  // in order of arrival; those of reserved networks come before all others
  UniqueFd fd;
  std::string listener;
  std::string pool;
  Dispatch dispatch = Dispatch::queue;
  Guest guest;
  bool may_wait = true;  // for a worker, until pending_until
  bool is_to_be_greeted = false;  // with the first prompt, when a worker that is ready has been chosen
  bool greeted = false;
  Instant accepted_at{};
  State state = State::pending;
  std::string counted_as_waiting;      // for a worker of this pool, by the statistics; empty: not any more
  std::unique_ptr<Delivery> delivery;  // from handed_over on
  unsigned attempts = 0;               // hand-overs to workers that died before they took it
  Instant pending_until{};
  bool parked = false;  // the starter has it too
  EventLoop::Timer retry;  // while it is in no line
  HangUp hang_up;          // until it is taken
  EventLoop::Timer timer;  // until it is taken: pending_timeout; once evicted: shutdown
};

// The client need not wait for its first prompt until its worker is awake.
void greet(Visitor& visitor);

using VisitorPtr = std::shared_ptr<Visitor>;
using Pending = std::map<std::uint64_t, VisitorPtr>;  // by serial: in order of arrival

}  // namespace usher
