#include "tests/auth/confined.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/system_call_filter.h"
#include "base/system.h"

namespace usher::testing {

Ended end_of(const std::function<void()>& confine, const std::function<void()>& act) {
  const pid_t pid = check(::fork(), "make a process");
  if (pid == 0) {
    try {
      confine();
      act();
    } catch (const std::exception&) {
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  retry([&] { return ::waitpid(pid, &status, 0); });
  if (WIFSIGNALED(status)) return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

Ended end_under(const SystemCalls& calls, const std::function<void()>& act) {
  const SystemCallFilter filter(calls);
  return end_of(
      [&] {
        check(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges");
        filter.load();
      },
      act);
}

Ended refused() {
  return {-1, SIGSYS};
}

}  // namespace usher::testing
