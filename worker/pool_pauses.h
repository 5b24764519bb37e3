// A pool whose workers cannot be started, for want of descriptors, processes or memory say, tries again after growing pauses,
// and for good.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/event_loop.h"
#include "base/shortage.h"

namespace usher {

class PoolPauses {
 public:
  PoolPauses(EventLoop& loop, std::function<void()> over) : loop_(loop), over_(std::move(over)) {}

  void pause(const std::string& pool, const std::string& reason);
  bool holds(const std::string& pool) const;
  // A worker could be started.
  void end(const std::string& pool) { pauses_.erase(pool); }

 private:
  struct Pause {
    std::chrono::milliseconds time{0};
    EventLoop::Timer timer;
  };

  EventLoop& loop_;
  std::function<void()> over_;
  std::map<std::string, Pause> pauses_;
  std::map<std::string, Complaint> complaints_;
};

}  // namespace usher
