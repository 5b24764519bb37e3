// The listener's share of `usher status`: clients that wait for a worker, how many were taken by one, how many refused and why.
#pragma once

#include <optional>
#include <string>

#include "base/event_loop.h"
#include "base/reply.h"
#include "jobs/registry.h"
#include "jobs/statistics.h"
#include "server/visitor.h"

namespace usher {

class ListenerStatistics {
 public:
  explicit ListenerStatistics(EventLoop& loop) : loop_(loop) {}

  // There is a pool, and so a registry to write to.
  void meet_pool(const std::string& runtime_directory) { runtime_directory_ = runtime_directory; }
  void arrived(const Visitor& visitor);
  void taken(Visitor& visitor);
  void refused(const Visitor& visitor, Code code);
  // However it went.
  void left(Visitor& visitor);

 private:
  void stop_waiting(Visitor& visitor);
  void write_later();
  void write();

  EventLoop& loop_;
  std::string runtime_directory_;
  std::optional<Registry> registry_;
  Statistics figures_{"listener"};
  EventLoop::Timer timer_;
};

}  // namespace usher
