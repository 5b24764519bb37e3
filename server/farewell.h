// Last lines said by the listener itself, to clients that no worker has: the line, then an orderly close within kLingerTime.
//
// Shape:  at most kMost are on their way out at one time; in a flood the one that has had longest is closed for the next.
#pragma once

#include <list>
#include <string_view>

#include "base/event_loop.h"
#include "base/reply.h"
#include "base/unique_fd.h"

namespace usher {

class Farewells {
 public:
  explicit Farewells(EventLoop& loop) : loop_(loop) {}

  void say(UniqueFd client, Code code, std::string_view text);
  // The line alone. False when it cannot be sent, as after another one that was the last.
  static bool send_line(int client, Code code, std::string_view text);
  static constexpr std::size_t kMost = 4096;
  bool empty() const noexcept { return leaving_.empty(); }

 private:
  struct Leaving {
    UniqueFd fd;
    EventLoop::Watch watch;
    EventLoop::Timer deadline;
  };
  void close(std::list<Leaving>::iterator place);

  EventLoop& loop_;
  std::list<Leaving> leaving_;
};

}  // namespace usher
