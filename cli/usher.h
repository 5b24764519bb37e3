// From a command line to a command.
#pragma once

#include <span>
#include <string>

namespace usher {

// `arguments` without the program's own name. Reports what goes wrong; the exit status.
int run_usher(std::span<const std::string> arguments);

}  // namespace usher
