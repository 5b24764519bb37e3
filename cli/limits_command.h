// usher limits: against whom something is held before the password, and an end to it.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>

namespace usher {

// Lists; or "forget ADDRESS|NETWORK|ACCOUNT|all", which returns when the listener has forgotten.
int limits_command(std::span<const std::string> arguments);

}  // namespace usher
