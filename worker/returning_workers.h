// Workers that come back: those with a client whose pool died connect to pool.sock and say who they are.
//
// Model:  which process it is the kernel says (SO_PEERCRED); which job it has it says itself, in Resume. `returned` compares the
//         two, and throws ProtocolError for a stranger, who is dropped.
#pragma once

#include <sys/types.h>

#include <functional>
#include <list>
#include <memory>

#include "base/acceptor.h"
#include "base/link.h"
#include "worker/pool_messages.h"

namespace usher {

class ReturningWorkers {
 public:
  using Returned = std::function<void(pid_t pid, const Resume& resume, Channel channel)>;

  ReturningWorkers(EventLoop& loop, UniqueFd socket, Returned returned);

 private:
  struct Stranger {
    pid_t pid;
    Gate gate{kWorkerJobReports};
    std::unique_ptr<Link> link;
  };
  using Place = std::list<Stranger>::iterator;

  void meet(UniqueFd fd);
  void hear(Place stranger, Packet& packet);

  EventLoop& loop_;
  Returned returned_;
  std::list<Stranger> strangers_;
  Acceptor acceptor_;
};

}  // namespace usher
