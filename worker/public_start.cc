#include "worker/public_start.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/system.h"
#include "worker/launch.h"

namespace usher {

PublicStart::PublicStart(const PublicPlan& plan, const Endpoint& local, int log, rlim_t open_files)
    : words_(plan.program.command),
      arguments_(pointers(words_)),
      environment_(plan, local),
      errors_to_client_(plan.program.stderr_to == StderrTo::client),
      log_(log) {
  launch_.path = words_.front().c_str();
  launch_.arguments = arguments_.data();
  launch_.nice = plan.program.nice;
  launch_.parent_is_plain = true;
  plan_limits(plan.program.limits, launch_);
  if (plan.program.limits.open_files == 0) {
    rlimit own{};
    check(::getrlimit(RLIMIT_NOFILE, &own), "look at a limit");
    launch_.limits.at(launch_.limit_count++) = {RLIMIT_NOFILE, {open_files, own.rlim_max}};
  }
  enter_directory(plan);
}

void PublicStart::enter_directory(const PublicPlan& plan) {
  const std::string directory = directory_of(plan.program, plan.account);
  if (directory.starts_with('/') && ::chdir(directory.c_str()) == 0) return;
  log::warning("no_working_directory", {{"listener", plan.listener}, {"directory", directory}, {"instead", "/"}});
  check(::chdir("/"), "enter /");
}

PublicStart::Outcome PublicStart::run(int connection, std::uint32_t number, const Endpoint& client, const Endpoint& local) {
  launch_.environment = environment_.of(number, client, local);
  launch_.connection = connection;
  launch_.standard_error = errors_to_client_ ? connection : log_;
  launch_.failed_step = LaunchStep::none;
  Outcome outcome;
  outcome.pid = start(launch_);
  if (outcome.pid < 0) {
    outcome.error_number = errno;
  } else if (launch_.failed_step != LaunchStep::none) {
    ::waitpid(outcome.pid, nullptr, 0);
    outcome.failed = launch_.failed_step;
    outcome.error_number = launch_.error_number;
  }
  return outcome;
}

}  // namespace usher
