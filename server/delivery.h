// The listener's end of the channel to one worker: a client goes over it, and what the worker says of that client comes back.
//
// Model:  no client -> send() -> taken -> login over. `lost`: the channel ended; before `taken` the client is still nobody's.
// Shape:  the owner may destroy the delivery inside the callback.
#pragma once

#include <functional>

#include "base/link.h"
#include "handover/hand_over.h"

namespace usher {

class Delivery {
 public:
  enum class Event { taken, no_room, login_over, lost };
  using OnEvent = std::function<void(Event)>;

  Delivery(EventLoop& loop, Channel channel, OnEvent event);

  void call(OnEvent event) { event_ = std::move(event); }
  // False when the worker cannot be reached.
  bool send(const HandOver& record, int client) { return link_.send_now(record, client); }
  void evict() { link_.send(Evict{}); }
  bool taken() const noexcept { return taken_; }
  // Takes the client back: false when a worker has it; true when none has it and none will, though the message may still be
  // on its way (a worker that finds it cannot say Taken any more).
  bool withdraw();

 private:
  void hear(const Packet& packet);

  OnEvent event_;
  Gate gate_{kWorkerReports};
  bool taken_ = false;
  Link link_;
};

}  // namespace usher
