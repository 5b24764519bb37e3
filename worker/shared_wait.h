// An idle worker's wait on the channel that all idle workers of its pool share.
//
// Model:  a blocking recvmsg, of which the kernel ends exactly one for each message (poll would wake all). What else concerns an
//         idle worker comes as a signal, and ends the process where it stands: SIGTERM from the starter retires it, SIGCHLD
//         means that its login process died. A message it had received by then is not lost: its answer channel closes, and
//         the listener sends that client to another.
#pragma once

#include "base/channel.h"

namespace usher {

class SharedWait {
 public:
  // From here on those signals are kept for wait_for_client().
  SharedWait();
  // From here on they mean nothing again.
  ~SharedWait();
  SharedWait(const SharedWait&) = delete;
  SharedWait& operator=(const SharedWait&) = delete;

  // False when the channel is at its end: this worker is to go.
  bool wait_for_client(const Channel& shared, Packet& packet);
};

}  // namespace usher
