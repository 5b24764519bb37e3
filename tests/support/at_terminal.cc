#include "tests/support/at_terminal.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/clock.h"
#include "base/system.h"
#include "tests/support/wait_until.h"

namespace usher::testing {
namespace {

// Who runs the tests in the background may have them ignored, as no shell at a terminal does.
void default_keys() {
  for (const int number : {SIGINT, SIGQUIT}) ::signal(number, SIG_DFL);
}

[[noreturn]] void become(int line, char** arguments) {
  default_keys();
  ::setsid();
  ::ioctl(line, TIOCSCTTY, 0);
  for (const int fd : {0, 1, 2}) ::dup2(line, fd);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

}  // namespace

AtTerminal::AtTerminal(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  check(::openpty(&ends[0], &ends[1], nullptr, nullptr, nullptr), "openpty");
  terminal_.reset(ends[0]);
  line_.reset(ends[1]);
  for (const int fd : ends) check(::fcntl(fd, F_SETFD, FD_CLOEXEC), "fcntl");
  check(::tcgetattr(line_.get(), &before_), "tcgetattr");
  pid_ = check(::fork(), "fork");
  if (pid_ == 0) become(line_.get(), arguments.data());
}

AtTerminal::~AtTerminal() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void AtTerminal::wait_for(const std::string& text) {
  const Instant deadline = Clock::now() + kPatience;
  while (shown_.find(text, seen_) == shown_.npos) {
    pollfd wait{terminal_.get(), POLLIN, 0};
    if (::poll(&wait, 1, milliseconds_until(deadline)) <= 0 || !read_more()) {
      FAIL("the terminal never showed: " << text << "; it shows: " << shown_);
    }
  }
  seen_ = shown_.find(text, seen_) + text.size();
}

void AtTerminal::type(std::string_view text) {
  check(::write(terminal_.get(), text.data(), text.size()), "type");
}

int AtTerminal::wait_for_end() {
  int status = 0;
  REQUIRE(wait_until([&] {
    drain();
    return ::waitpid(pid_, &status, WNOHANG) == pid_;
  }));
  pid_ = 0;
  drain();
  return status;
}

termios AtTerminal::mode() const {
  termios now{};
  check(::tcgetattr(line_.get(), &now), "tcgetattr");
  return now;
}

bool AtTerminal::read_more() {
  std::array<char, 4096> bytes;
  const ssize_t got = ::read(terminal_.get(), bytes.data(), bytes.size());
  if (got > 0) shown_.append(bytes.data(), static_cast<std::size_t>(got));
  return got > 0;
}

void AtTerminal::drain() {
  pollfd wait{terminal_.get(), POLLIN, 0};
  while (::poll(&wait, 1, 0) == 1 && (wait.revents & POLLIN) != 0 && read_more()) {
  }
}

}  // namespace usher::testing
