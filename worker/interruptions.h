// What may break into a worker's work before its program runs: the listener evicts, the operator ends the job, the starter
// is gone. Looked at wherever the worker waits; while a PAM module works nothing is looked at, and the starter's deadline
// is what ends a module that hangs.
#pragma once

#include "base/channel.h"
#include "base/protocol.h"
#include "handover/hand_over.h"

namespace usher {

struct Interrupted {
  enum class By { listener, starter_says, starter_gone };
  By by;
};

class Interruptions {
 public:
  Interruptions(Channel& starter, Channel& listener) : starter_(starter), listener_(listener), gate_(kListenerRequests) {}

  // True when `fd` (or `other`, where there is one) is readable or hung up, false when `deadline` passed. Throws Interrupted.
  bool wait(int fd, Instant deadline, int other = -1);

  // The gate of the listener's messages, for the worker's wait for its client.
  Gate& gate() { return gate_; }
  // Nobody but the starter interrupts from here on: the listener gave the connection away.
  void forget_listener() noexcept { listener_.close(); }

 private:
  void look_at_starter();
  void look_at_listener();

  Channel& starter_;
  Channel& listener_;
  Gate gate_;
};

}  // namespace usher
