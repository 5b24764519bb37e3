// How a running program is brought to its end: signals that are due one after the other.
//
// Model:  the first reason to end a program stays the reason; a later one may only bring the end nearer. Signals go to the
//         program's group: a program that forked a pipeline ends as a whole.
#pragma once

#include <sys/types.h>

#include <utility>
#include <vector>

#include "base/clock.h"

namespace usher {

enum class EndCause { by_itself, connection_lost, timeout, ended_by_starter, starter_gone };

class Ending {
 public:
  // Nobody can see what it does any more: as when a terminal is closed, then as when a machine goes down.
  void lose_connection();
  void pass_timeout();
  // SIGTERM now, SIGKILL after the delay; with none SIGKILL at once.
  void obey_starter(std::chrono::milliseconds delay);
  void lose_starter();

  void send_due(pid_t program);
  // Instant::max() when nothing is due any more.
  Instant next() const { return due_.empty() ? Instant::max() : due_.front().first; }
  EndCause cause() const noexcept { return cause_; }

 private:
  using Schedule = std::vector<std::pair<std::chrono::milliseconds, int>>;
  void begin(EndCause cause, const Schedule& schedule);

  std::vector<std::pair<Instant, int>> due_;
  Instant last_ = Instant::max();
  EndCause cause_ = EndCause::by_itself;
};

}  // namespace usher
