// A service of the starter, listener or pool: started, heard, started again when it ends.
//
// Model:  a service that ends is started anew at once; when it keeps ending the pauses grow to kLongestPause and no further,
//         and are over once it has lived for a second. One that was asked to leave is followed by nobody but at its caller's
//         wish. What it says is checked against its table; a breach ends its process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/link.h"
#include "base/protocol.h"
#include "base/service_messages.h"
#include "worker/spawn.h"

namespace usher {

class Service {
 public:
  struct Callbacks {
    std::function<void()> started;                            // configure it
    std::function<void(Packet&)> said;                        // passed its table; may throw ProtocolError
    std::function<void(const std::string& reason)> gave_up;   // ended before it was ever ready; it is tried again unless stop() is called
  };
  static constexpr std::chrono::seconds kLongestPause{10};

  Service(EventLoop& loop, std::string name, std::span<const Request> table, Callbacks callbacks);

  // What it is executed with besides its channel to the starter.
  void set_order(SpawnOrder order) { order_ = std::move(order); }
  void start();
  // A process that the starter before this one has started.
  void adopt(pid_t pid, Channel channel);
  // Tells it that Usher stops; it is not started again.
  void stop(const Stop& how);
  // Tells it to leave, and kills it when it has not in `patience`; `left` runs when it is gone.
  void leave(std::chrono::milliseconds patience, std::function<void()> left);
  // After it has left.
  void start_anew() { try_start(); }
  // Closes its channel: it has nothing more to hear, and ends.
  void hang_up() { link_.reset(); }
  void kill() const;

  bool running() const noexcept { return pid_ > 0; }
  // What it is told now is not lost.
  bool hears() const noexcept { return running() && !left_; }
  pid_t pid() const noexcept { return pid_; }
  // Of its channel; -1 when there is none.
  int fd() const noexcept { return link_ ? link_->fd() : -1; }
  std::uint32_t ready_generation() const noexcept { return ready_generation_; }
  std::uint32_t restarts() const noexcept { return restarts_; }
  void set_restarts(std::uint32_t restarts) noexcept { restarts_ = restarts; }

  template <class M>
  void send(const M& message) {
    if (link_) link_->send(message);
  }
  template <class M>
  void send(const M& message, UniqueFd descriptor) {
    if (link_) link_->send(message, std::move(descriptor));
  }

  // The starter has reaped it.
  void ended(int wait_status);

 private:
  void hold(pid_t pid, Channel channel);
  void hear(Packet& packet);
  void hear_last_words();
  void start_later();
  void try_start();

  EventLoop& loop_;
  std::string name_;
  std::span<const Request> table_;
  Callbacks callbacks_;
  SpawnOrder order_;
  pid_t pid_ = 0;
  std::unique_ptr<Link> link_;
  std::optional<Gate> gate_;
  std::uint32_t ready_generation_ = 0;  // of this process
  bool was_ever_ready_ = false;
  std::uint32_t restarts_ = 0;
  bool stopping_ = false;
  std::function<void()> left_;  // while it leaves
  EventLoop::Timer patience_;
  std::string reason_;
  Instant started_at_{};
  std::chrono::milliseconds pause_{0};
  EventLoop::Timer next_start_;
};

// "status 1" or "signal SIGKILL".
std::string end_of_process(int wait_status);

}  // namespace usher
