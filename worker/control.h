// control.sock: the operator's commands, each on a connection of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/acceptor.h"
#include "base/link.h"
#include "worker/control_messages.h"

namespace usher {

class Control {
 public:
  // One command that waits for its answer, until done() or until the caller hangs up.
  class Call {
   public:
    void fact(const Fact& fact) { say(fact); }
    void progress(const std::string& text) { say(Progress{text}); }
    // The last word.
    void done(std::uint8_t exit_status, const std::string& text) { say(Done{exit_status, text}); }

    // The connection, which stays open; -1 when the caller has hung up.
    int fd() const noexcept { return link_ ? link_->fd() : -1; }

   private:
    friend class Control;
    template <class M>
    void say(const M& message) {
      if (link_) link_->send(message);
    }

    Gate gate_{kControlRequests};
    ControlState state_ = ControlState::asking;
    std::optional<Link> link_;
  };
  using CallPtr = std::shared_ptr<Call>;
  struct Commands {
    std::function<void(CallPtr)> status;
    std::function<void(CallPtr, bool drain)> stop;
    std::function<void(CallPtr)> reload;
    std::function<void(CallPtr, const AskEndJob&)> end_job;
    std::function<void(CallPtr, const AskRestart&)> restart;
    std::function<void(CallPtr)> reset_figures;
  };

  // `listening` is control.sock.
  Control(EventLoop& loop, UniqueFd listening, Commands commands);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  // A call that another process took, before it became this one.
  CallPtr resume(UniqueFd connection);
  int fd() const noexcept { return acceptor_.fd(); }

 private:
  CallPtr add(UniqueFd connection);
  void meet(UniqueFd fd);
  void dispatch(const CallPtr& call, Packet& packet);

  EventLoop& loop_;
  Commands commands_;
  std::map<const Call*, CallPtr> calls_;
  Acceptor acceptor_;
};

}  // namespace usher
