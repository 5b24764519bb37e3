// Pauses before a pool is filled again when its workers cannot be started, for want of processes or memory, say, or end at once:
// they grow with each failure, up to a bound, and are never for good.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "base/event_loop.h"

namespace usher {

class PoolPauses {
 public:
  // `over`: a pause is.
  PoolPauses(EventLoop& loop, std::function<void()> over) : loop_(loop), over_(std::move(over)) {}

  bool pending(const std::string& pool) const;
  void begin(const std::string& pool, const std::string& reason);
  // It works: the next pause is a short one again.
  void end(const std::string& pool) { pauses_.erase(pool); }

 private:
  struct Pause {
    std::chrono::milliseconds time{0};
    EventLoop::Timer timer;
  };

  EventLoop& loop_;
  std::function<void()> over_;
  std::map<std::string, Pause> pauses_;
};

}  // namespace usher
