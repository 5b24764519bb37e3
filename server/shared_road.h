// dispatch = "shared": one channel on which all idle workers of the pool wait in a blocking recvmsg; the kernel wakes one.
//
// Model:  a message holds the client and the worker's end of a channel for its answers. While no worker has read it, it keeps its
//         place in the channel; a worker that dies with it closes the answer channel, and the client is sent again. Besides
//         those for whom there are idle workers a few are sent ahead, for whoever becomes free; others wait in the line.
#pragma once

#include <algorithm>

#include "server/road.h"

namespace usher {

class SharedRoad : public Road {
 public:
  using Road::Road;

  // A new channel ends the one before it: workers on that one take what is in it, then go.
  void connect(Channel channel);
  void set_idle(std::uint32_t workers);

  void dispatch(Pending& pending) override;
  bool prepared() const override { return channel_ && sent_.size() < std::min<std::size_t>(idle_ + kAhead, kMaxSent); }
  std::size_t certain() const override { return idle_ - std::min<std::size_t>(idle_, sent_.size()); }
  void settled(const Visitor& visitor) override;
  void pool_is_gone() override { channel_.close(); }

 private:
  static constexpr std::size_t kMaxSent = 64;  // each is two descriptors in flight
  static constexpr std::size_t kAhead = 4;     // of the workers

  void take_back_impatient(Pending& pending);
  bool send(const VisitorPtr& visitor);

  Channel channel_;
  std::uint32_t idle_ = 0;  // as the pool last said, less those that have taken a client since
  Pending sent_;            // and not taken yet
  EventLoop::Timer retry_;
};

}  // namespace usher
