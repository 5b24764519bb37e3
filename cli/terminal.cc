#include "cli/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/system.h"
#include "base/text.h"
#include "cli/hidden_typing.h"

namespace usher {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = retry([&] { return ::write(fd, text.data(), text.size()); });
    if (written < 0) return;  // nobody to tell
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A shell's background job that wants an answer stops, as if it read from the terminal.
void come_to_foreground(int tty) {
  if (::tcgetpgrp(tty) != ::getpgrp()) ::raise(SIGTTIN);
}

enum class Typed { line, too_long, interrupted, end };

// Byte by byte into its place: no buffer keeps a copy.
Typed read_secret(int tty, const HiddenTyping& hidden, Secret& secret) {
  std::uint8_t byte = 0;
  bool fits = true;
  while (hidden.wait()) {
    const ssize_t got = retry([&] { return ::read(tty, &byte, 1); });
    if (got <= 0) return Typed::end;
    if (byte == '\n') return fits ? Typed::line : Typed::too_long;
    fits = secret.append({&byte, 1}) && fits;
  }
  return Typed::interrupted;
}

}  // namespace

Terminal::Terminal() : tty_(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) {}

std::optional<Secret> Terminal::wait_for_secret(std::string_view prompt) {
  if (!is_there()) return {};
  while (true) {
    come_to_foreground(tty_.get());
    Secret secret;
    Typed typed = Typed::end;
    {
      const HiddenTyping hidden(tty_.get());
      write_all(tty_.get(), printable(prompt) + " ");
      typed = read_secret(tty_.get(), hidden, secret);
    }
    if (typed == Typed::line) return secret;
    if (typed == Typed::end) return {};
    if (typed == Typed::too_long) tell("That is too long.");
  }
}

std::optional<std::string> Terminal::wait_for_answer(std::string_view prompt) {
  if (!is_there()) return {};
  write_all(tty_.get(), printable(prompt) + " ");
  std::string answer;
  char byte = 0;
  while (retry([&] { return ::read(tty_.get(), &byte, 1); }) == 1) {
    if (byte == '\n') return answer;
    answer += byte;
  }
  return {};
}

void Terminal::tell(std::string_view text) {
  write_all(STDERR_FILENO, std::string(text) + "\n");
}

}  // namespace usher
