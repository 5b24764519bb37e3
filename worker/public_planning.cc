#include "worker/public_planning.h"

#include "usher/error.h"

namespace usher {
namespace {

// The smallest of those that are limits: 0 is none.
std::uint32_t smallest(std::initializer_list<std::uint32_t> limits) {
  std::uint32_t least = 0;
  for (const std::uint32_t limit : limits) {
    if (limit != 0 && (least == 0 || limit < least)) least = limit;
  }
  return least;
}

PublicPlan plan_of(const Configuration& configuration, std::size_t place, const std::string& owner) {
  const ListenerConfig& listener = configuration.listeners[place];
  const ProgramConfig* program = configuration.program(listener.program);
  auto account = find_account(listener.user);
  if (program == nullptr || !account || account->uid == 0) {
    throw Error(ErrorCode::configuration, "listener \"" + listener.name + "\": there is no such program or user");
  }
  PublicPlan plan{static_cast<std::uint16_t>(place), listener.name, owner, std::move(*account), *program, 0};
  plan.max_sessions = smallest({listener.max_sessions, program->max_sessions, program->max_sessions_per_user});
  return plan;
}

}  // namespace

std::vector<PublicPlan> plan_public_listeners(const Configuration& configuration, const std::string& owner) {
  std::vector<PublicPlan> plans;
  for (std::size_t i = 0; i < configuration.listeners.size(); ++i) {
    if (configuration.listeners[i].is_public()) plans.push_back(plan_of(configuration, i, owner));
  }
  return plans;
}

}  // namespace usher
