// To workers that are somebody's own programs: one channel on which all of them wait, and no answer to anything.
//
// Model:  a client that has been sent is the channel's: this process closes its own descriptor at once, so that the
//         connection ends when the worker ends it. What no worker has read yet can be read back here, which is how a client whose
//         time is over is taken back; and how many that are the kernel tells. When the channel is full the kernel tells
//         when it is not.
// Source: unix(7), SIOCINQ.
#pragma once

#include <deque>

#include "server/road.h"

namespace usher {

class OwnRoad : public Road {
 public:
  using Road::Road;

  // A new channel and the workers' end of it. What is still in the one before it is taken back.
  void connect(Channel channel, Channel workers_end);

  void dispatch(Pending& pending) override;
  bool prepared() const override { return channel_ && !room_; }
  bool withdraw(Visitor& visitor) override;
  void settled(const Visitor& visitor) override;
  std::size_t look() override {
    forget_taken();
    return sent_.size();
  }

 private:
  bool send(Visitor& visitor);
  void forget_taken();
  std::size_t unread() const;
  std::vector<VisitorPtr> take_back();

  Channel channel_;
  Channel workers_end_;
  std::deque<VisitorPtr> sent_;  // the oldest first; some may have been taken
  EventLoop::Watch room_;
  bool looks_ = false;  // at the end of this round
};

}  // namespace usher
