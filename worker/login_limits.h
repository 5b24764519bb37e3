// The listener's limits, as a worker asks them before PAM is asked.
//
// Model:  each question is answered at once with a Verdict. Where there is no listener, or none that answers within kPatience,
//         nobody is refused: it is new, and the client has been let in by one that was there.
#pragma once

#include <chrono>
#include <string_view>

#include "worker/interruptions.h"

namespace usher {

class LoginLimits {
 public:
  LoginLimits(Channel& listener, Interruptions& interruptions) : listener_(listener), interruptions_(interruptions) {}

  // Of the client that a proxy speaks for.
  LimitReason refusal_of_client(std::string_view host);
  LimitReason refusal_of_attempt(std::string_view account);
  // What came of that attempt, and what PAM took to check it.
  void failed(std::chrono::milliseconds checked) const { listener_.send(LoginFailed{number_of(checked)}); }
  void succeeded(std::chrono::milliseconds checked) const { listener_.send(LoginSucceeded{number_of(checked)}); }
  // Of the attempts at this listener, as it knew of them when it was asked last.
  std::chrono::milliseconds slowest_check() const { return std::chrono::milliseconds(interruptions_.verdict().slowest_check_ms); }

 private:
  template <class Question>
  LimitReason ask(const Question& question);
  static std::uint32_t number_of(std::chrono::milliseconds time) { return static_cast<std::uint32_t>(time.count()); }

  Channel& listener_;
  Interruptions& interruptions_;
  std::uint32_t questions_ = 0;
};

}  // namespace usher
