#include "worker/ending.h"

#include <signal.h>

namespace usher {

using namespace std::chrono_literals;

void Ending::lose_connection() { begin(EndCause::connection_lost, {{0ms, SIGHUP}, {500ms, SIGTERM}, {1500ms, SIGKILL}}); }

void Ending::pass_timeout() { begin(EndCause::timeout, {{0ms, SIGTERM}, {5s, SIGKILL}}); }

void Ending::obey_starter(std::chrono::milliseconds delay) {
  if (delay == 0ms) return begin(EndCause::ended_by_starter, {{0ms, SIGKILL}});
  begin(EndCause::ended_by_starter, {{0ms, SIGTERM}, {delay, SIGKILL}});
}

void Ending::lose_starter() { begin(EndCause::starter_gone, {{0ms, SIGHUP}, {0ms, SIGTERM}, {500ms, SIGKILL}}); }

void Ending::begin(EndCause cause, const Schedule& schedule) {
  if (cause_ == EndCause::by_itself) cause_ = cause;
  const Instant now = Clock::now();
  if (now + schedule.back().first >= last_) return;
  due_.clear();
  for (const auto& [wait, signal] : schedule) due_.emplace_back(now + wait, signal);
  last_ = due_.back().first;
}

void Ending::send_due(pid_t program) {
  while (!due_.empty() && due_.front().first <= Clock::now()) {
    // The group first: a program that forked a pipeline ends as a whole. What left the group is found afterwards.
    ::kill(-program, due_.front().second);
    ::kill(program, due_.front().second);
    due_.erase(due_.begin());
  }
}

}  // namespace usher
