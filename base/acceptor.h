// Accepts on a listening socket of the service's own. Out of descriptors it pauses and goes on by itself: a socket that stays
// readable would else keep the loop busy for nothing.
#pragma once

#include <functional>
#include <string>

#include "base/event_loop.h"
#include "base/shortage.h"
#include "base/unique_fd.h"

namespace usher {

class Acceptor {
 public:
  // `name` is for the log.
  Acceptor(EventLoop& loop, UniqueFd listening, std::string name, std::function<void(UniqueFd)> accepted);

  int fd() const noexcept { return listening_.get(); }

 private:
  void watch();
  void accept();

  EventLoop& loop_;
  UniqueFd listening_;
  std::string name_;
  std::function<void(UniqueFd)> accepted_;
  EventLoop::Watch watch_;
  EventLoop::Timer resume_;
  Complaint complaint_;
};

}  // namespace usher
