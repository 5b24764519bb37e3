#include "worker/shared_wait.h"

#include <signal.h>
#include <unistd.h>

#include "base/system.h"
#include "worker/starter_messages.h"

namespace usher {
namespace {

void end_here(int signal) { ::_exit(static_cast<int>(signal == SIGTERM ? WorkerExit::clean : WorkerExit::login_crashed)); }

void change_mask(int how) noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGCHLD);
  ::sigprocmask(how, &set, nullptr);  // fails for a wrong `how` only
}

void set_handler(int signal, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  check(sigaction(signal, &action, nullptr), "set a signal's handler");
}

}  // namespace

SharedWait::SharedWait() {
  change_mask(SIG_BLOCK);
  set_handler(SIGTERM, end_here, 0);
  set_handler(SIGCHLD, end_here, SA_NOCLDSTOP);
}

SharedWait::~SharedWait() {
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGCHLD, SIG_DFL);
  change_mask(SIG_UNBLOCK);
}

bool SharedWait::wait_for_client(const Channel& shared, Packet& packet) {
  change_mask(SIG_UNBLOCK);
  const Received received = shared.receive_blocking(packet, 2);
  change_mask(SIG_BLOCK);
  return received == Received::packet;
}

}  // namespace usher
