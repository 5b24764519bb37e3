#include "worker/login_start.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <utility>

#include "base/bare_fork.h"
#include "base/system.h"
#include "usher/error.h"
#include "worker/login_messages.h"
#include "worker/login_process.h"

namespace usher {
namespace {

// The child: nothing of the worker's but one end of a channel, which becomes descriptor 0.
[[noreturn]] void be_login_process(Channel channel, const LoginSurroundings& surroundings) noexcept {
  try {
    check(::dup2(channel.fd(), STDIN_FILENO), "keep the channel");
    channel.close();
    enter_sandbox(surroundings.jail, surroundings.filter);
    _exit(static_cast<int>(run_login_process(Channel(UniqueFd(STDIN_FILENO)), surroundings.servers)));
  } catch (...) {
    _exit(static_cast<int>(LoginExit::failed));  // it has no one to tell: the worker sees the channel close
  }
}

// All else that the worker has is closed on exec. Between vfork and exec there are system calls only: the memory is the worker's.
[[gnu::noinline]] pid_t execute(const UniqueFd& program, const Channel& channel) {
  std::array<char, 12> name{"usher-login"};
  const std::array<char*, 2> arguments{name.data(), nullptr};
  const std::array<char*, 1> environment{nullptr};
  volatile int failure = 0;  // written by the child
  const pid_t pid = check(vfork(), "make a login process");  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
  if (pid == 0) {
    if (::dup2(channel.fd(), STDIN_FILENO) == STDIN_FILENO) {  // NOLINT(clang-analyzer-unix.Vfork): a system call
      ::syscall(SYS_execveat, program.get(), "", arguments.data(), environment.data(), AT_EMPTY_PATH);
    }
    failure = errno;
    _exit(static_cast<int>(LoginExit::failed));
  }
  if (failure == 0) return pid;
  ::waitpid(pid, nullptr, 0);
  throw_errno("execute usher-login", failure);
}

// One that is gone already is noticed when it is waited for.
[[gnu::noinline]] void send_into_sandbox(const Channel& channel, const LoginSurroundings& surroundings) {
  const Jail& jail = surroundings.jail;
  const std::string_view filter = surroundings.filter.code();
  if (filter.size() > kMaxFilter) throw Error(ErrorCode::io, "the system-call filter is longer than a message may be");
  std::array<int, 2> descriptors{};
  std::size_t count = 0;
  for (const UniqueFd* fd : {&jail.root, &jail.network}) {
    if (*fd) descriptors.at(count++) = fd->get();
  }
  channel.send(EnterSandbox{jail.account.uid, jail.account.gid, static_cast<bool>(jail.root), static_cast<bool>(jail.network), filter},
               std::span(descriptors).first(count));
}

}  // namespace

StartedLogin start_login_process(const LoginSurroundings& surroundings) {
  ChannelPair ends = make_channel();
  if (surroundings.program) {
    const pid_t pid = execute(surroundings.program, ends.theirs);
    send_into_sandbox(ends.ours, surroundings);
    return {pid, std::move(ends.ours)};
  }
  surroundings.servers.vault().keep_from_children();
  const pid_t pid = check(bare_fork(ChildOf::this_process), "make a login process");
  if (pid == 0) be_login_process(std::move(ends.theirs), surroundings);
  return {pid, std::move(ends.ours)};
}

}  // namespace usher
