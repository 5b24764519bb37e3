// usher queue: data queues from the shell.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>

namespace usher {

Poco::Util::OptionSet queue_options();
int queue_command(std::span<const std::string> arguments);

}  // namespace usher
