// Sockets for servers that a test plays; an address is written as in a configuration, with port 0.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/listen_address.h"
#include "base/system.h"
#include "base/unique_fd.h"

namespace usher::testing {

inline UniqueFd bound_socket(const std::string& address) {
  const ListenAddress to = parse_listen_address(address).value();
  UniqueFd fd(check(::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::bind(fd.get(), to.address(), to.length), "bind");
  return fd;
}

inline UniqueFd listening_socket(const std::string& address) {
  UniqueFd fd = bound_socket(address);
  check(::listen(fd.get(), 10), "listen");
  return fd;
}

}  // namespace usher::testing
