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
  // The registry is open once there has been a pool.
  ListenerStatistics(EventLoop& loop, std::optional<Registry>& registry) : loop_(loop), registry_(registry) {}

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
  std::optional<Registry>& registry_;
  Statistics figures_{"listener"};
  EventLoop::Timer timer_;
};

}  // namespace usher
