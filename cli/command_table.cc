#include <algorithm>
#include <array>

#include "cli/check_command.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/jobs_command.h"
#include "cli/limits_command.h"
#include "cli/login_command.h"
#include "cli/queue_command.h"
#include "cli/service_commands.h"

namespace usher {
namespace {

constexpr std::array kCommands{
    Command{"check", "reads the configuration and reports every fault", "[--live] [--config FILE] [--json]", check_options,
            check_command},
    Command{"start", "starts the service", "[--foreground] [--config FILE]", start_options, start_command},
    Command{"stop", "stops it and returns when everything is gone", "[--drain] [--config FILE]", stop_options,
            stop_command},
    Command{"status", "says what runs where", "[--reset] [--config FILE] [--json]", status_options, status_command},
    Command{"reload", "brings a changed configuration into force", "[--config FILE]", configuration_options,
            reload_command},
    Command{"restart", "replaces its processes, also by new programs; clients and running programs go on",
            "listener | pool | all [--config FILE]", configuration_options, restart_command},
    Command{"jobs", "lists the jobs", "[--all] [--config FILE] [--json]", jobs_options, jobs_command},
    Command{"job", "shows a job, prints its log, or ends it",
            "show ID [--json] | log ID | end ID [--delay S | --immediate]", job_options, job_command},
    Command{"limits", "lists against whom limits hold something, or forgets it",
            "[forget ADDRESS|NETWORK|ACCOUNT|all] [--config FILE] [--json]", configuration_and_json_options, limits_command},
    Command{"queue", "makes data queues, sends to them, receives from them, moves them",
            "SUBCOMMAND [OPTION...] [[LIBRARY/]NAME]", queue_options, queue_command},
    Command{"login", "logs in to a server and joins standard input and output with a program",
            "[--user NAME] [--password-file FILE] [--tls | --plain] [--ca FILE | --insecure] HOST:PORT [PROGRAM [ARG...]]",
            login_options, login_command},
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
