// The sockets that clients and workers connect to: bound by the starter, kept through every restart of a service.
//
// Model:  a set for each configuration generation. What the next generation has at the same address is the same socket, so a
//         reload refuses nobody.
// Source: tcp(7): keep-alive, TCP_USER_TIMEOUT and TCP_NODELAY set on a listening socket are those of what it accepts.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "base/configuration.h"
#include "base/unique_fd.h"

namespace usher {

// One bound and listening socket, not blocking. With it goes the way in (base/outgoing_socket.h): a unix socket's file, new
// connections of the others.
class ListeningEnd {
 public:
  // Errors: std::system_error naming the address.
  explicit ListeningEnd(const std::string& address);
  // One that is bound to that address.
  ListeningEnd(const std::string& address, UniqueFd bound);
  ~ListeningEnd();
  ListeningEnd(const ListeningEnd&) = delete;
  ListeningEnd& operator=(const ListeningEnd&) = delete;

  int fd() const noexcept { return fd_.get(); }
  // As bound: with the port that the kernel picked where the configuration says 0.
  std::string address() const;
  void set_keepalive(std::chrono::milliseconds idle) const;

 private:
  UniqueFd fd_;
  std::string path_;  // of a unix socket
};

// One for each listener, in their order. Errors: std::system_error; nothing of `before` is touched then.
using ListeningEnds = std::vector<std::shared_ptr<ListeningEnd>>;
ListeningEnds bind_listeners(const Configuration& configuration, const Configuration* before, const ListeningEnds& bound);

// A named socket of the runtime directory for SEQPACKET connections, given to `owner` (or kept).
UniqueFd bind_named(const std::string& path, uid_t owner, gid_t group, mode_t mode = 0600);

}  // namespace usher
