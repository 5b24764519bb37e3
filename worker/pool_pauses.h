// Pauses between attempts to start workers, where starting fails again and again: for want of processes or memory, or of a PAM
// module that is being replaced.
//
// Model:  each failure of a pool makes its next pause twice as long, up to kLongest; a worker that becomes ready ends them. So no
//         cause is tried too often, and none keeps a pool from working again once it is gone.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "base/event_loop.h"

namespace usher {

class PoolPauses {
 public:
  static constexpr std::chrono::milliseconds kShortest{50};
  static constexpr std::chrono::milliseconds kLongest{5000};

  // `over`: a pause is.
  PoolPauses(EventLoop& loop, std::function<void()> over) : loop_(loop), over_(std::move(over)) {}

  bool paused(const std::string& pool) const;
  void begin(const std::string& pool, const std::string& reason);
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
