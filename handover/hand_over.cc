#include "handover/hand_over.h"

#include <fcntl.h>
#include <sys/socket.h>

namespace usher {
namespace {

int option(int fd, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  if (::getsockopt(fd, SOL_SOCKET, name, &value, &length) != 0) throw ProtocolError("the client is not a socket");
  return value;
}

}  // namespace

void check_is_client(int fd) {
  const int domain = option(fd, SO_DOMAIN);
  if (domain != AF_INET && domain != AF_INET6 && domain != AF_UNIX) throw ProtocolError("the client is of a strange family");
  if (option(fd, SO_TYPE) != SOCK_STREAM) throw ProtocolError("the client is not a stream socket");
  if (option(fd, SO_ACCEPTCONN) != 0) throw ProtocolError("the client is a listening socket");
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || (flags & O_NONBLOCK) != 0) throw ProtocolError("the client's socket does not block");
}

bool is_withdrawn(const Channel& listener) {
  Packet word;
  const Received received = listener.receive(word, 0);
  if (received == Received::packet) static_cast<void>(word.as<Withdrawn>());
  return received != Received::closed;
}

}  // namespace usher
