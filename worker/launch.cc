#include "worker/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/become_user.h"
#include "base/system.h"

namespace usher {
namespace {

// A program that cannot be waited for must not run.
[[noreturn]] void give_up(pid_t pid, int error_number) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  throw_errno("hold the program's process", error_number);
}

// Out of the way of the numbers that they shall have.
std::vector<UniqueFd> plan_more(const std::vector<int>& wanted, LaunchPlan& plan) {
  constexpr int kAbove = 64;
  std::vector<UniqueFd> moved;
  for (const int fd : wanted) {
    moved.emplace_back(check(::fcntl(fd, F_DUPFD_CLOEXEC, kAbove), "move a descriptor"));
    plan.more.at(moved.size() - 1) = moved.back().get();
  }
  plan.more_count = static_cast<int>(moved.size());
  return moved;
}

}  // namespace

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> list;
  list.reserve(strings.size() + 1);
  for (std::string& text : strings) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

std::string directory_of(const ProgramConfig& program, const Account& account) {
  const std::string& wanted = program.working_directory;
  if (wanted == "~") return account.home;
  return wanted.starts_with("~/") ? account.home + wanted.substr(1) : wanted;
}

Launched launch(const LaunchOrder& order) {
  std::vector<std::string> words = order.program.command;
  words.insert(words.end(), order.arguments.begin(), order.arguments.end());
  std::vector<std::string> variables = order.environment;
  const std::vector<char*> arguments = pointers(words);
  const std::vector<char*> environment = pointers(variables);
  const std::string directory = directory_of(order.program, order.account);

  LaunchPlan plan{};
  plan.path = words[0].c_str();
  plan.arguments = arguments.data();
  plan.environment = environment.data();
  plan.directory = directory.c_str();
  plan.first_line = order.first_line.data();
  plan.first_line_size = order.first_line.size();
  plan.connection = order.connection;
  plan.standard_error = order.standard_error;
  plan.nice = order.program.nice;
  plan.changes_identity = true;
  plan.uid = order.account.uid;
  plan.gid = order.account.gid;
  plan_limits(order.program.limits, plan);
  const std::vector<UniqueFd> more = plan_more(order.more, plan);

  Launched launched;
  launched.pid = check(start(plan), "start a process");
  forbid_dumps();  // the child, whose memory this was, has changed its ids
  if (plan.failed_step != LaunchStep::none) {
    ::waitpid(launched.pid, nullptr, 0);
    throw LaunchFailure{plan.failed_step, plan.error_number};
  }
  launched.home_missing = plan.home_missing;
  launched.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, launched.pid, 0)));
  if (!launched.pidfd) give_up(launched.pid, errno);
  return launched;
}

}  // namespace usher
