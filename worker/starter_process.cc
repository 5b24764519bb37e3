#include "worker/starter_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/system.h"

namespace usher {

UniqueFd hear_signals_of_starter() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
    ::signal(signal, SIG_DFL);  // one that is ignored is not heard of; a shell ignores SIGINT in what it starts with &
    sigaddset(&set, signal);
  }
  check(sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
  ::signal(SIGPIPE, SIG_IGN);
  return UniqueFd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "hear signals"));
}

UniqueFd duplicate(int fd) { return UniqueFd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicate a descriptor")); }

void give_up_terminal() {
  const UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) check(::dup2(null.get(), fd), "leave the terminal");
}

}  // namespace usher
