// The roads to a worker with nothing around them: a process that accepts, workers that echo a line and close, and the
// hand-over between the two. No registry, no supervision, no limits, no login.
//
// Model:  queue:  a worker that is ready sends its number to a data queue (SQLite) and waits on a channel of its own; who
//                 accepts receives a number and sends the client there.
//         shared: all workers wait in recvmsg on one channel.
//         spawn:  the client goes into a new channel, then a worker is forked that has the other end, and ends with it; so
//                 many at one time as there are workers on the other roads.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/configuration.h"

namespace usher::bench {

class BareServer {
 public:
  // `file`: of the data queue, for Dispatch::queue. Returns when all workers wait.
  BareServer(Dispatch road, std::size_t workers, const std::string& file = "");
  BareServer(const BareServer&) = delete;
  BareServer& operator=(const BareServer&) = delete;
  ~BareServer();

  std::uint16_t port() const noexcept { return port_; }
  // Its workers are below it.
  pid_t pid() const noexcept { return pid_; }

 private:
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace usher::bench
