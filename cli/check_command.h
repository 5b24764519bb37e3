// usher check: every fault of a configuration, each with its place and what to write.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>

namespace usher {

Poco::Util::OptionSet check_options();
int check_command(std::span<const std::string> arguments);

}  // namespace usher
