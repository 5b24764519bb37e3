// What each public listener's process is told, out of a checked configuration: the starter's part of public_plan.h.
#pragma once

#include <string>
#include <vector>

#include "worker/public_plan.h"

namespace usher {

// One for each public listener. Errors: Error(configuration) when an account is not there (any more).
std::vector<PublicPlan> plan_public_listeners(const Configuration& configuration, const std::string& owner);

}  // namespace usher
