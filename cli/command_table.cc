#include <algorithm>
#include <array>

#include "cli/check_command.h"
#include "cli/command.h"
#include "cli/login_command.h"

namespace usher {
namespace {

constexpr std::array kCommands{
    Command{"check", "reads the configuration and reports every fault", "[--config FILE] [--json]", check_options,
            check_command},
    Command{"login", "logs in to a server and joins standard input and output with a program",
            "[--user NAME] [--password-file FILE] HOST:PORT [PROGRAM [ARG...]]", login_options, login_command},
};

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

const Command* find_command(std::string_view name) {
  const auto found =
      std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& command) { return command.name == name; });
  return found == kCommands.end() ? nullptr : &*found;
}

}  // namespace usher
