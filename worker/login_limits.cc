#include "worker/login_limits.h"

namespace usher {
namespace {

constexpr std::chrono::seconds kPatience{2};

}  // namespace

template <class Question>
LimitReason LoginLimits::ask(const Question& question) {
  if (!listener_ || !listener_.send(question)) return LimitReason::none;
  return interruptions_.wait_verdict(question.question, Clock::now() + kPatience);
}

LimitReason LoginLimits::refusal_of_client(std::string_view host) { return ask(ClientHost{++questions_, host}); }

LimitReason LoginLimits::refusal_of_attempt(std::string_view account) { return ask(Attempt{++questions_, account}); }

}  // namespace usher
