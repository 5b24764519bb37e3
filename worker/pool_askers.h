// The processes that ask the pool something over jobs.sock: anybody may connect, and who it is the kernel says.
//
// Model:  one request a connection, within kIntroductionTime; then the connection stands until it is answered or the
// asker goes. Shape:  at most kMostOfOneUser connections of one user, and in all kMostAskers or a quarter of the
// descriptors that this process
//         may have: those too many are closed at once.
// Trust:  any process of the machine may be here. A breach of the table ends its connection; nothing here waits for a
// peer. Source: unix(7), SO_PEERCRED: the user and the process at the time of connect().
#pragma once

#include <sys/types.h>

#include <functional>
#include <list>
#include <map>
#include <memory>

#include "base/link.h"
#include "handover/job_messages.h"
#include "worker/pool_strangers.h"

namespace usher {

struct Asker {
  pid_t pid = 0;
  uid_t user = 0;
  AskerState state = AskerState::fresh;
  Gate gate{kJobRequests};
  std::unique_ptr<Link> link;
  EventLoop::Timer timer;
};

class PoolAskers {
 public:
  static constexpr std::size_t kMostOfOneUser = 512;
  static constexpr std::size_t kMostAskers = 4096;

  struct Callbacks {
    std::function<void(Asker&, Packet&)> asked;  // passed the table; may throw ProtocolError
    std::function<void(Asker&)> gone;            // before it is forgotten
  };

  PoolAskers(EventLoop& loop, UniqueFd socket, Callbacks callbacks);

  // Ends the connection, after what was sent to it; `asker` is no more.
  void dismiss(Asker& asker);

 private:
  void accept();
  void admit(UniqueFd fd);
  void hear(Asker& asker, Packet& packet);

  EventLoop& loop_;
  UniqueFd socket_;
  EventLoop::Watch watch_;
  EventLoop::Timer pause_;
  Strangers strangers_;
  Callbacks callbacks_;
  std::size_t most_;
  std::list<Asker> askers_;
  std::map<uid_t, std::size_t> of_user_;
};

}  // namespace usher
