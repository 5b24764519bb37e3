#include "worker/launch_plan.h"

#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "auth/become_user.h"
#include "base/system.h"

namespace usher {
namespace {

[[noreturn]] void stop(LaunchPlan& plan, LaunchStep step, int error_number = errno) noexcept {
  plan.failed_step = step;
  plan.error_number = error_number;
  _exit(127);
}

// exec resets handlers by itself, but not what is ignored. Usher's processes begin with every signal reset, so what may be
// ignored by now is what PAM's modules know of: the standard signals.
void reset_signals(const LaunchPlan& plan) noexcept {
  constexpr int kLastStandard = 31;
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; !plan.parent_is_plain && signal <= kLastStandard; ++signal) sigaction(signal, &standard, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Three descriptors, those that were asked for, and no more. None of the sources is below 3 (the worker's own three are taken), so no dup destroys one.
void set_descriptors(LaunchPlan& plan) noexcept {
  if (dup2(plan.connection, STDIN_FILENO) < 0 || dup2(plan.connection, STDOUT_FILENO) < 0 ||
      dup2(plan.standard_error, STDERR_FILENO) < 0) {
    stop(plan, LaunchStep::descriptors);
  }
  if (plan.parent_is_plain) return;
  int next = STDERR_FILENO + 1;
  for (int i = 0; i < plan.more_count; ++i, ++next) {
    if (dup2(plan.more[static_cast<std::size_t>(i)], next) < 0) stop(plan, LaunchStep::descriptors);
  }
  if (syscall(SYS_close_range, static_cast<unsigned>(next), ~0U, 0U) != 0) stop(plan, LaunchStep::descriptors);
}

void set_limits(LaunchPlan& plan) noexcept {
  if (plan.nice != 0 && setpriority(PRIO_PROCESS, 0, plan.nice) != 0) stop(plan, LaunchStep::priority);
  for (std::size_t i = 0; i < plan.limit_count; ++i) {
    if (setrlimit(plan.limits[i].resource, &plan.limits[i].value) != 0) stop(plan, LaunchStep::limits);
  }
}

void enter_directory(LaunchPlan& plan) noexcept {
  if (plan.directory == nullptr) return;
  if (plan.directory[0] == '/' && chdir(plan.directory) == 0) return;
  plan.home_missing = true;
  if (chdir("/") != 0) stop(plan, LaunchStep::directory);
}

void send_first_line(LaunchPlan& plan) noexcept {
  if (plan.first_line_size == 0) return;
  const ssize_t sent = send(STDOUT_FILENO, plan.first_line, plan.first_line_size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(plan.first_line_size)) stop(plan, LaunchStep::first_line, sent < 0 ? errno : EAGAIN);
}

[[noreturn]] void become_program(LaunchPlan& plan) noexcept {
  setsid();
  reset_signals(plan);
  set_descriptors(plan);
  set_limits(plan);
  const int refused = plan.changes_identity ? become_user_raw(plan.uid, plan.gid) : 0;
  if (refused != 0) stop(plan, LaunchStep::identity, refused);
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // a killed worker takes its program along
  if (!plan.parent_is_plain) umask(077);
  enter_directory(plan);
  send_first_line(plan);
  execve(plan.path, plan.arguments, plan.environment);
  stop(plan, LaunchStep::exec);
}

}  // namespace

const char* name_of(LaunchStep step) {
  constexpr std::array kNames{"none", "descriptors", "priority", "limits", "identity", "directory", "first_line", "exec"};
  return kNames.at(static_cast<std::size_t>(step));
}

void plan_limits(const ResourceLimits& wanted, LaunchPlan& plan) {
  const auto add = [&](__rlimit_resource_t resource, std::uint64_t value) {
    if (value == 0) return;
    rlimit session{};
    check(::getrlimit(resource, &session), "look at a limit");
    const rlim_t most = std::min<rlim_t>(value, session.rlim_max);  // what PAM took is not given back
    plan.limits.at(plan.limit_count++) = {resource, {most, most}};
  };
  add(RLIMIT_NOFILE, wanted.open_files);
  add(RLIMIT_NPROC, wanted.processes);
  add(RLIMIT_AS, wanted.memory_bytes);
  add(RLIMIT_CPU, static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(wanted.cpu).count()));
  add(RLIMIT_FSIZE, wanted.file_size_bytes);
}

pid_t start(LaunchPlan& plan) {
  const pid_t pid = vfork();  // NOLINT(clang-analyzer-security.insecureAPI.vfork): no copy of this process's pages
  if (pid == 0) become_program(plan);  // NOLINT(clang-analyzer-unix.Vfork): system calls only, as said in launch_plan.h
  return pid;
}

int LaunchRoom::run(void* plan) noexcept { become_program(*static_cast<LaunchPlan*>(plan)); }

// The child's calls of libc fail only where it fails; then alone does it touch the errno that it shares with its parent.
pid_t LaunchRoom::start(LaunchPlan& plan) {
  plan.failed_step = LaunchStep::none;
  child_ = 1;
  const int flags = CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD;
  // The pointer to itself is what clone(2) takes last; the two before it are not asked for.
  const pid_t pid = ::clone(&LaunchRoom::run, &stack_->bytes.back() + 1, flags, &plan, nullptr, nullptr, &child_);
  if (pid < 0) child_ = 0;
  return pid;
}

bool LaunchRoom::busy() const noexcept {
  const bool busy = child_ != 0;
  std::atomic_thread_fence(std::memory_order_acquire);
  return busy;
}

void LaunchRoom::wait() noexcept {
  constexpr timespec kMoment{0, 20'000'000};
  if (child_ != 0) syscall(SYS_futex, &child_, FUTEX_WAIT, 1, &kMoment, nullptr, 0);
}

}  // namespace usher
