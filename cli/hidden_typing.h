// A terminal on which nothing shows that is typed, for as long as this lives.
//
// Model:  signals that would end or stop the process are held until the terminal is as it was: they interrupt wait(),
// and
//         act when this goes.
// Thread: one at a time; it sets the process's signal handlers.
#pragma once

#include <signal.h>
#include <termios.h>

#include <array>

namespace usher {

// Signals that only leave a note, and that are blocked but in wait_for_input(): none can slip in between a look and a
// wait.
class HeldSignals {
 public:
  HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;
  ~HeldSignals();  // those that came act now, as they did before

  // Until `fd` can be read; false when one of them came first.
  bool wait_for_input(int fd) const;

 private:
  static constexpr std::array kSignals{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};

  sigset_t mask_before_{};
  std::array<struct sigaction, kSignals.size()> handlers_before_{};
};

class HiddenTyping {
 public:
  // Errors: std::system_error when it is no terminal.
  explicit HiddenTyping(int tty);
  HiddenTyping(const HiddenTyping&) = delete;
  HiddenTyping& operator=(const HiddenTyping&) = delete;
  ~HiddenTyping();

  // Until something can be read; false when a signal came first.
  bool wait() const { return signals_.wait_for_input(tty_); }

 private:
  HeldSignals signals_;
  int tty_;
  termios before_{};
};

}  // namespace usher
