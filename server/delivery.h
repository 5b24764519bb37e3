// The listener's end of the channel to one worker: a client goes over it, and what the worker says of that client comes back.
//
// Model:  no client -> send() -> taken -> questions about limits -> login over. `lost`: the channel ended; before `taken` the
//         client is still nobody's.
// Shape:  the owner may destroy the delivery inside the callback.
#pragma once

#include <functional>

#include "base/link.h"
#include "handover/hand_over.h"

namespace usher {

class Delivery {
 public:
  enum class Event { taken, client_host, attempt, login_failed, login_succeeded, no_room, login_over, lost };
  using OnEvent = std::function<void(Event)>;

  Delivery(EventLoop& loop, Channel channel, OnEvent event);

  void call(OnEvent event) { event_ = std::move(event); }
  // False when the worker cannot be reached.
  bool send(const HandOver& record, int client) { return link_.send_now(record, client); }
  void evict() { link_.send(Evict{}); }
  // To the question that came last.
  void answer(LimitReason refused, std::uint32_t slowest_check_ms = 0) {
    link_.send(Verdict{question_, refused, slowest_check_ms});
  }
  bool taken() const noexcept { return taken_; }
  bool lost() const noexcept { return lost_; }
  // With Event::client_host: the address of the client of a proxy. With Event::attempt: the name that was typed.
  const std::string& subject() const noexcept { return subject_; }
  // With Event::login_failed and login_succeeded: what PAM took to check the password.
  std::uint32_t checked_ms() const noexcept { return checked_ms_; }
  // Takes the client back: false when a worker has it; true when none has it and none will, though the message may still be
  // on its way (a worker that finds it cannot say Taken any more).
  bool withdraw();

 private:
  void hear(const Packet& packet);
  void hear_question(std::uint32_t question, const std::string& subject, Event about);
  void hear_result(std::uint32_t checked_ms, Event result);

  OnEvent event_;
  Gate gate_{kWorkerReports};
  bool taken_ = false;
  bool lost_ = false;
  std::uint32_t question_ = 0;
  std::string subject_;
  std::uint32_t checked_ms_ = 0;
  Link link_;
};

}  // namespace usher
