// Sockets on which anybody may send, and what is to be feared of descriptors sent there: whoever drops the last
// reference to one may have to wait for it (SO_LINGER), also by refusing it, or by closing the socket in which it
// waits.
//
// Model:  since Linux 6.16 the kernel lets none in when it is told so. Before, a packet with descriptors is seen and
//         not taken (Link::distrust), and the sockets are closed by a thread that ends with a table of descriptors of
//         its own: the kernel does not linger for who ends.
// Source: unix(7), SO_PASSRIGHTS; unshare(2), CLONE_FILES; inet_release() in Linux, PF_EXITING.
#pragma once

#include <vector>

#include "base/event_loop.h"
#include "base/link.h"

namespace usher {

class Strangers {
 public:
  // For all that is accepted from `listening`.
  Strangers(EventLoop& loop, int listening);
  ~Strangers();
  Strangers(const Strangers&) = delete;
  Strangers& operator=(const Strangers&) = delete;

  // Of a link with one of them.
  void guard(Link& link);
  // Ends the connection at once; its descriptor is given up now or a moment later.
  void close(UniqueFd fd);

 private:
  void close_all();

  EventLoop& loop_;
  std::vector<UniqueFd> closing_;
  EventLoop::Timer soon_;
};

// Closes them, and waits for nothing that is in them. False when no thread can be had: they are left as they are.
bool close_without_waiting(std::vector<UniqueFd>& fds) noexcept;

}  // namespace usher
