// A channel in an event loop: packets come by a callback, and what cannot go out at once waits its turn in order.
//
// Model:  nothing here ever blocks. A peer that breaks the protocol, does not read, or goes is reported once by `closed` with
//         the reason; the link is silent from then on. The owner may destroy the link inside either callback.
//         While this process has hardly a descriptor left (base/shortage.h) nothing is read that may bring one.
// Shape:  at most kMaxWaiting messages wait; one more and the peer counts as stuck.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/channel.h"
#include "base/event_loop.h"

namespace usher {

class Link {
 public:
  using OnPacket = std::function<void(Packet&)>;  // may throw ProtocolError
  using OnClosed = std::function<void(const std::string& why)>;
  static constexpr std::size_t kMaxWaiting = 65'536;

  Link(EventLoop& loop, Channel channel, OnPacket packet, OnClosed closed, std::size_t descriptors = kMaxDescriptors);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  template <class M>
  void send(const M& message, std::vector<UniqueFd> descriptors = {}) {
    send_bytes(Channel::Encoded(message).bytes(), std::move(descriptors));
  }
  template <class M>
  void send(const M& message, UniqueFd descriptor) {
    std::vector<UniqueFd> one;
    one.push_back(std::move(descriptor));
    send(message, std::move(one));
  }
  // At once or not at all, with a descriptor that stays the caller's. For a peer that waits for this one message.
  template <class M>
  bool send_now(const M& message, int descriptor) {
    return watch_ && waiting_.empty() && channel_.send(message, descriptor);
  }
  int fd() const noexcept { return channel_.fd(); }
  std::size_t waiting() const noexcept { return waiting_.size(); }
  // The peer may be anybody, and the kernel lets its descriptors in: they break the protocol, but neither reading nor closing
  // waits for them. `close` closes the channel.
  void distrust(std::function<void(UniqueFd)> close) { close_ = std::move(close); }
  // Reads on when other links rest already for want of descriptors: so a reload comes through.
  void take_precedence() noexcept { margins_kept_ = 0; }
  // The peer can send nothing more; what it has sent is still heard.
  void refuse_more() noexcept;
  // Takes the channel out, for another link; this one is silent from then on.
  Channel release() {
    resting_.end();
    resending_.end();
    watch_.end();
    waiting_.clear();
    return std::move(channel_);
  }
  // Handles what has come by now: the last words of a peer whose end is known from elsewhere.
  void hear_now() {
    if (watch_ && !resting_.pending()) receive();
  }

 private:
  struct Waiting {
    std::vector<std::uint8_t> bytes;
    std::vector<UniqueFd> descriptors;
  };

  void send_bytes(std::span<const std::uint8_t> bytes, std::vector<UniqueFd> descriptors);
  Channel::Sent try_send(std::span<const std::uint8_t> bytes, const std::vector<UniqueFd>& descriptors);
  void ready(std::uint32_t events);
  void flush();
  void send_later();
  void receive();
  void close(const std::string& why);
  void close_channel();
  void watch_what_matters();
  void rest();

  EventLoop& loop_;
  Channel channel_;
  OnPacket packet_;
  OnClosed closed_;
  std::function<void(UniqueFd)> close_;  // empty: as any descriptor
  std::size_t descriptors_;
  unsigned margins_kept_ = 1;
  std::deque<Waiting> waiting_;
  EventLoop::Watch watch_;
  EventLoop::Timer late_close_;
  EventLoop::Timer resting_;
  EventLoop::Timer resending_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace usher
