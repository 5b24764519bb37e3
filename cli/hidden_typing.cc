#include "cli/hidden_typing.h"

#include <poll.h>

#include <algorithm>

#include "base/system.h"

namespace usher {
namespace {

std::array<volatile sig_atomic_t, NSIG> noted{};

volatile sig_atomic_t& note_of(int number) {
  return noted.at(static_cast<std::size_t>(number));
}
void note_signal(int number) {
  note_of(number) = 1;
}

}  // namespace

HeldSignals::HeldSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : kSignals) sigaddset(&signals, number);
  check(::sigprocmask(SIG_BLOCK, &signals, &mask_before_), "block signals");
  struct sigaction action {};
  action.sa_handler = note_signal;
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    note_of(kSignals[i]) = 0;
    ::sigaction(kSignals[i], &action, &handlers_before_[i]);
  }
}

HeldSignals::~HeldSignals() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &handlers_before_[i], nullptr);
  for (const int number : kSignals) {
    if (note_of(number) != 0) ::raise(number);
  }
  ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

bool HeldSignals::wait_for_input(int fd) const {
  if (std::any_of(kSignals.begin(), kSignals.end(), [](int number) { return note_of(number) != 0; })) return false;
  pollfd input{fd, POLLIN, 0};
  const int ready = ::ppoll(&input, 1, nullptr, &mask_before_);
  if (ready < 0 && errno != EINTR) throw_errno("wait for the terminal");
  return ready == 1;
}

HiddenTyping::HiddenTyping(int tty) : tty_(tty) {
  check(::tcgetattr(tty_, &before_), "look at the terminal");
  termios hidden = before_;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  hidden.c_lflag |= ECHONL;
  check(retry([&] { return ::tcsetattr(tty_, TCSAFLUSH, &hidden); }), "hide what is typed");
}

HiddenTyping::~HiddenTyping() {
  ::tcsetattr(tty_, TCSANOW, &before_);
}

}  // namespace usher
