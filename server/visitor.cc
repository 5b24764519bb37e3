#include "server/visitor.h"

#include <sys/socket.h>

#include "base/reply.h"

namespace usher {

void greet(Visitor& visitor) {
  if (!std::exchange(visitor.is_to_be_greeted, false)) return;
  const std::string line = reply_line(Code::ask_user);
  visitor.greeted = ::send(visitor.fd.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

}  // namespace usher
