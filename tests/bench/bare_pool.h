// The least that passes connections to processes: one accepts and sends each descriptor over one channel on which all workers
// wait in recvmsg; a worker echoes a line and closes. No registry, no supervision, no limits.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace usher::bench {

class BarePool {
 public:
  explicit BarePool(std::size_t workers);
  BarePool(const BarePool&) = delete;
  BarePool& operator=(const BarePool&) = delete;
  ~BarePool();

  std::uint16_t port() const noexcept { return port_; }

 private:
  std::uint16_t port_ = 0;
  std::vector<pid_t> pids_;
};

}  // namespace usher::bench
