// The least that greets: one process that accepts, sends a line and closes.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace usher::bench {

class GreetingServer {
 public:
  GreetingServer();
  GreetingServer(const GreetingServer&) = delete;
  GreetingServer& operator=(const GreetingServer&) = delete;
  ~GreetingServer();

  std::uint16_t port() const noexcept { return port_; }

 private:
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace usher::bench
