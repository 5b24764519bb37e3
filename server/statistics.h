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
  // As it was seen now and then: who is taken there nobody says.
  void wait_for_own_workers(const std::string& pool, std::size_t clients);

  // From what the listener before this one has counted. The registry must be open.
  void go_on();
  void reset();
  // What is not written yet.
  void write();

 private:
  void stop_waiting(Visitor& visitor);
  void write_later();

  EventLoop& loop_;
  std::optional<Registry>& registry_;
  Statistics figures_{"listener"};
  EventLoop::Timer timer_;
};

}  // namespace usher
