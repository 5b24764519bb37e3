#include "worker/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "auth/become_user.h"
#include "auth/capabilities.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "worker/starter_death.h"

namespace usher {
namespace {

// First out of the way of the numbers they shall have, then onto them. The program's file comes last and closes on exec.
int arrange_descriptors(const SpawnOrder& order, const UniqueFd& file) {
  constexpr int kAbove = 64;
  std::vector<int> moved;
  for (const int fd : order.descriptors) moved.push_back(check(::fcntl(fd, F_DUPFD_CLOEXEC, kAbove), "move a descriptor"));
  moved.push_back(check(::fcntl(file.get(), F_DUPFD_CLOEXEC, kAbove), "move a descriptor"));
  const UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
  check(::dup2(null.get(), STDIN_FILENO), "set standard input");
  check(::dup2(null.get(), STDOUT_FILENO), "set standard output");
  if (order.detached) check(::dup2(null.get(), STDERR_FILENO), "set standard error");
  int next = STDERR_FILENO + 1;
  for (const int fd : moved) check(::dup2(fd, next++), "pass a descriptor");
  const int last = next - 1;
  check(::fcntl(last, F_SETFD, FD_CLOEXEC), "keep the program's file to this side of exec");
  check(::syscall(SYS_close_range, static_cast<unsigned>(next), ~0U, 0U), "close all else");
  return last;
}

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  check(sigprocmask(SIG_SETMASK, &none, nullptr), "unblock signals");
}

rlim_t former_soft_limit = 0;

void restore_descriptor_limit() {
  rlimit limit{};
  if (former_soft_limit == 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = former_soft_limit;
  check(::setrlimit(RLIMIT_NOFILE, &limit), "restore the limit of descriptors");
}

[[noreturn]] void be_child(const SpawnOrder& order) noexcept {
  try {
    ::setsid();
    reset_signals();
    // Opened before it becomes somebody else: who may execute the file need not be able to search the folders above it.
    const UniqueFd opened(check(::open(order.program.c_str(), O_PATH | O_CLOEXEC), "open " + order.program));
    const int file = arrange_descriptors(order, opened);
    restore_descriptor_limit();
    if (order.bounded) drop_bounding_set();
    if (order.account) become(*order.account, groups_of(*order.account));
    end_with_starter();
    std::vector<std::string> words = order.options;
    words.insert(words.begin(), order.program);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    std::string bind = "LD_BIND_NOW=1";  // PAM's modules too are bound once, in the template, and not again in each worker
    std::array<char*, 3> environment{path.data(), bind.data(), nullptr};
    ::syscall(SYS_execveat, file, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  } catch (const std::exception&) {
    _exit(126);
  }
  _exit(127);
}

}  // namespace

pid_t spawn(const SpawnOrder& order) {
  const pid_t pid = check(::fork(), "start " + order.program);
  if (pid == 0) be_child(order);
  return pid;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  former_soft_limit = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

int execute_anew(const std::string& program, std::vector<std::string> words, const std::vector<int>& descriptors) {
  words.insert(words.begin(), program);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  for (const int fd : descriptors) check(::fcntl(fd, F_SETFD, 0), "keep a descriptor");
  restore_descriptor_limit();
  ::execve(program.c_str(), arguments.data(), environ);
  const int error = errno;
  raise_descriptor_limit();
  for (const int fd : descriptors) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return error;
}

}  // namespace usher
