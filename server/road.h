// The way of clients to the workers of one pool. There are four: queue_road.h, shared_road.h, spawn_road.h, own_road.h.
#pragma once

#include <functional>

#include "handover/own_connection.h"
#include "server/visitor.h"

namespace usher {

// What every road needs.
struct RoadServices {
  EventLoop& loop;
  std::function<HandOver(const Visitor&)> control_record;
  std::function<void(Visitor&)> greet;  // before the hand-over to a worker that is certain to be ready
  // The client has been sent: from here on the worker's words, or the end of its channel, decide.
  std::function<void(const VisitorPtr&, std::unique_ptr<Delivery>)> handed_over;
  std::function<void()> again;      // there may be a worker now for those who wait
  std::function<bool()> hear_pool;  // reads what the pool has said by now; false when it is gone
  std::function<void(const VisitorPtr&)> returned;  // it is in the line again
  std::function<void(const VisitorPtr&)> over;      // a worker has it, and nobody will say more of it
  std::function<void(Visitor&)> park;               // this process may die, and it is not lost
  std::function<void(Visitor&)> unpark;
  std::function<void(const OwnConnection&, UniqueFd)> found;  // a client that a listener before this one had sent
};

class Road {
 public:
  explicit Road(RoadServices services) : services_(std::move(services)) {}
  virtual ~Road() = default;
  Road(const Road&) = delete;
  Road& operator=(const Road&) = delete;

  // Hands over clients, the oldest first, for as long as there are workers; those leave `pending`.
  virtual void dispatch(Pending& pending) = 0;
  // Whether a client that comes now can be handed over without any delay.
  virtual bool prepared() const { return false; }
  // How many of those who still wait a worker is certain for.
  virtual std::size_t certain() const { return 0; }
  // Takes one back that was handed over; false when a worker has it.
  virtual bool withdraw(Visitor& visitor) { return visitor.delivery->withdraw(); }
  // One that was handed over has been taken, or is not on its way any more.
  virtual void settled(const Visitor& /*visitor*/) {}
  virtual void pool_is_gone() {}
  // Clients may have been taken without a word. How many have not been.
  virtual std::size_t look() { return 0; }

 protected:
  // Whoever has been sent belongs to the message, and to the worker that reads it, whatever becomes of this process: from
  // then on another listener must not have him too.
  template <class Send>
  bool send_out(Visitor& visitor, Send send) {
    services_.unpark(visitor);
    const bool sent = send();
    if (!sent) services_.park(visitor);
    return sent;
  }

  RoadServices services_;
};

}  // namespace usher
