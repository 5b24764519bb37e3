// Notices that a client has gone while it waits for a worker; it reads nothing.
//
// Model:  a client that closes its sending side, or whose connection is dead, and that has sent nothing before, can log in no more.
//         It is looked for from kMoment on: most clients have a worker by then.
#pragma once

#include <chrono>
#include <functional>

#include "base/event_loop.h"

namespace usher {

class HangUp {
 public:
  static constexpr std::chrono::milliseconds kMoment{200};

  // `gone` is called once at the most, and may end this.
  void watch(EventLoop& loop, int client, std::function<void()> gone);
  void end() noexcept;

 private:
  EventLoop::Timer moment_;
  EventLoop::Watch watch_;
};

}  // namespace usher
