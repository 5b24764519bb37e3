// What the example programs share: lines to and from the client, who is at the other end of standard input and output.
//
// Model:  Usher gives a program a connection that has logged in already; it speaks as if to a terminal. A client that
// is gone
//         shows as end of input or as a failed flush, never as a signal: client_may_vanish() comes first in main.
// Shape:  lines go out with CRLF and come in with CRLF or LF.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace usher::programs {

inline void client_may_vanish() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
}

inline void say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputs("\r\n", stdout);
}

// False when the client is gone.
inline bool flush() {
  return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

// A variable that Usher or the session set; empty when it is not there.
inline std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The next line without its end; nothing at the end of input. What is longer than `max_bytes` is read and cut one byte
// behind them, so that the caller sees that it was too long.
inline std::optional<std::string> read_line(std::size_t max_bytes) {
  std::string line;
  int byte = 0;
  while ((byte = std::getchar()) != EOF && byte != '\n') {
    if (line.size() <= max_bytes) line += static_cast<char>(byte);
  }
  if (byte == EOF && line.empty()) return std::nullopt;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace usher::programs
