#include "worker/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "auth/become_user.h"
#include "base/system.h"

namespace usher {
namespace {

struct Limit {
  __rlimit_resource_t resource;
  rlim_t value;
};

// Everything the child needs, made before it exists.
struct Plan {
  const char* path;
  char* const* arguments;
  char* const* environment;
  const char* directory;
  const char* first_line;
  std::size_t first_line_size;
  int connection;
  int standard_error;
  std::array<int, kMostMore> more;
  int more_count;
  int nice;
  uid_t uid;
  gid_t gid;
  std::array<Limit, 5> limits;
  std::size_t limit_count;
  // Written by the child, whose memory this is, and read by the parent: no compiler can see that.
  volatile LaunchStep failed_step;
  volatile int error_number;
  volatile bool home_missing;
};

[[noreturn]] void stop(Plan& plan, LaunchStep step, int error_number = errno) noexcept {
  plan.failed_step = step;
  plan.error_number = error_number;
  _exit(127);
}

void reset_signals() noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) sigaction(signal, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Three descriptors, those that were asked for, and no more. None of the sources is below 3 (the worker's own three are taken), so no dup destroys one.
void set_descriptors(Plan& plan) noexcept {
  if (dup2(plan.connection, STDIN_FILENO) < 0 || dup2(plan.connection, STDOUT_FILENO) < 0 ||
      dup2(plan.standard_error, STDERR_FILENO) < 0) {
    stop(plan, LaunchStep::descriptors);
  }
  int next = STDERR_FILENO + 1;
  for (int i = 0; i < plan.more_count; ++i, ++next) {
    if (dup2(plan.more[static_cast<std::size_t>(i)], next) < 0) stop(plan, LaunchStep::descriptors);
  }
  if (syscall(SYS_close_range, static_cast<unsigned>(next), ~0U, 0U) != 0) stop(plan, LaunchStep::descriptors);
}

void set_limits(Plan& plan) noexcept {
  if (plan.nice != 0 && setpriority(PRIO_PROCESS, 0, plan.nice) != 0) stop(plan, LaunchStep::priority);
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    const Limit& limit = plan.limits[i];
    rlimit session{};
    if (getrlimit(limit.resource, &session) != 0) stop(plan, LaunchStep::limits);
    const rlim_t most = limit.value < session.rlim_max ? limit.value : session.rlim_max;  // what PAM took is not given back
    const rlimit both{most, most};
    if (setrlimit(limit.resource, &both) != 0) stop(plan, LaunchStep::limits);
  }
}

void enter_directory(Plan& plan) noexcept {
  if (plan.directory[0] == '/' && chdir(plan.directory) == 0) return;
  plan.home_missing = true;
  if (chdir("/") != 0) stop(plan, LaunchStep::directory);
}

void send_first_line(Plan& plan) noexcept {
  if (plan.first_line_size == 0) return;
  const ssize_t sent = send(STDOUT_FILENO, plan.first_line, plan.first_line_size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(plan.first_line_size)) stop(plan, LaunchStep::first_line, sent < 0 ? errno : EAGAIN);
}

[[noreturn]] void become_program(Plan& plan) noexcept {
  setsid();
  reset_signals();
  set_descriptors(plan);
  set_limits(plan);
  if (const int error = become_user_raw(plan.uid, plan.gid); error != 0) stop(plan, LaunchStep::identity, error);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed worker takes its program along
  umask(077);
  enter_directory(plan);
  send_first_line(plan);
  execve(plan.path, plan.arguments, plan.environment);
  stop(plan, LaunchStep::exec);
}

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

void plan_limits(const ResourceLimits& wanted, Plan& plan) {
  const auto add = [&](__rlimit_resource_t resource, std::uint64_t value) {
    if (value != 0) plan.limits.at(plan.limit_count++) = {resource, value};
  };
  add(RLIMIT_NOFILE, wanted.open_files);
  add(RLIMIT_NPROC, wanted.processes);
  add(RLIMIT_AS, wanted.memory_bytes);
  add(RLIMIT_CPU, static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(wanted.cpu).count()));
  add(RLIMIT_FSIZE, wanted.file_size_bytes);
}

// Out of the way of the numbers that they shall have.
std::vector<UniqueFd> plan_more(const std::vector<int>& wanted, Plan& plan) {
  constexpr int kAbove = 64;
  std::vector<UniqueFd> moved;
  for (const int fd : wanted) {
    moved.emplace_back(check(::fcntl(fd, F_DUPFD_CLOEXEC, kAbove), "move a descriptor"));
    plan.more.at(moved.size() - 1) = moved.back().get();
  }
  plan.more_count = static_cast<int>(moved.size());
  return moved;
}

pid_t start(Plan& plan) {
  const pid_t pid = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): no copy of this process's pages
  if (pid == 0) become_program(plan);  // NOLINT(clang-analyzer-unix.Vfork): system calls only, as said in launch.h
  return pid;
}

// A program that cannot be waited for must not run.
[[noreturn]] void give_up(pid_t pid, int error_number) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  throw_errno("hold the program's process", error_number);
}

}  // namespace

const char* name_of(LaunchStep step) {
  constexpr std::array kNames{"none", "descriptors", "priority", "limits", "identity", "directory", "first_line", "exec"};
  return kNames.at(static_cast<std::size_t>(step));
}

Launched launch(const LaunchOrder& order) {
  std::vector<std::string> words = order.program.command;
  words.insert(words.end(), order.arguments.begin(), order.arguments.end());
  std::vector<std::string> variables = order.environment;
  const std::vector<char*> arguments = pointers(words);
  const std::vector<char*> environment = pointers(variables);
  const std::string directory = directory_of(order.program, order.account);

  Plan plan{};
  plan.path = words[0].c_str();
  plan.arguments = arguments.data();
  plan.environment = environment.data();
  plan.directory = directory.c_str();
  plan.first_line = order.first_line.data();
  plan.first_line_size = order.first_line.size();
  plan.connection = order.connection;
  plan.standard_error = order.standard_error;
  plan.nice = order.program.nice;
  plan.uid = order.account.uid;
  plan.gid = order.account.gid;
  plan_limits(order.program.limits, plan);
  const std::vector<UniqueFd> more = plan_more(order.more, plan);

  Launched launched;
  launched.pid = check(start(plan), "start a process");
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
