// A program on a terminal of its own, whose other end the test holds.
//
//   AtTerminal telnet({"/usr/bin/telnet", "127.0.0.1", port});
//   telnet.wait_for("101 ");
//   telnet.type("secret\n");
//
// Owns:   the destructor kills (SIGKILL) and reaps the one process that was started, by its pid.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace usher::testing {

class AtTerminal {
 public:
  // Shape: command[0] is a path.
  explicit AtTerminal(std::vector<std::string> command);
  AtTerminal(const AtTerminal&) = delete;
  AtTerminal& operator=(const AtTerminal&) = delete;
  ~AtTerminal();

  pid_t pid() const { return pid_; }
  const std::string& shown() const { return shown_; }

  // Until the screen has `text`, after what was waited for before; fails the test when it never has.
  void wait_for(const std::string& text);
  void type(std::string_view text);
  // The status of waitpid.
  int wait_for_end();

  bool hides_typing() const { return (mode().c_lflag & ECHO) == 0; }
  bool is_as_before() const { return mode().c_lflag == before_.c_lflag; }

 private:
  termios mode() const;
  bool read_more();
  void drain();

  UniqueFd terminal_;
  UniqueFd line_;
  termios before_{};
  pid_t pid_ = 0;
  std::string shown_;
  std::size_t seen_ = 0;
};

}  // namespace usher::testing
