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

  // The listener's answer to that question; none refuses when it is gone or says nothing until `deadline`. Throws Interrupted.
  LimitReason wait_verdict(std::uint32_t question, Instant deadline);

  // The listener's last answer.
  const Verdict& verdict() const noexcept { return verdict_; }

  // The gate of the listener's messages, for the worker's wait for its client.
  Gate& gate() { return gate_; }

 private:
  void look_at_starter();
  void look_at_listener();

  Channel& starter_;
  Channel& listener_;
  Gate gate_;
  Verdict verdict_;  // the last one
};

}  // namespace usher
