// Reads lines from the client, and never a byte of what follows them: the rest belongs to the program.
//
// Model:  looks (peek), finds the end of the line, then takes exactly that much; a line that is not whole yet is taken
//         and kept here, since all of it belongs to the line.
// Shape:  a line ends in CR LF, LF or CR NUL; without its end it is at most kMaxLine bytes of UTF-8 without NUL.
//         With telnet, commands (RFC 854) are taken out wherever they stand and IAC IAC is one byte 255.
#pragma once

#include <cstdint>
#include <optional>

#include "base/client_stream.h"
#include "base/secret.h"

namespace usher {

class LineReader {
 public:
  enum class Result {
    line,      // line() is whole
    more,      // nothing more has come: wait until the client is what its awaits() says
    bad,       // too long, NUL, not UTF-8, or ended in the middle
    ended,     // the client shut down its sending side, or is gone
  };

  LineReader(ClientStream& client, bool telnet) : client_(client), telnet_(telnet) {}

  // Goes on with the line at hand as far as bytes have come.
  Result read();
  // The line that read() finished; taking it begins the next.
  Secret take() { return std::move(line_); }
  // Has the peer ever spoken telnet?
  bool speaks_telnet() const noexcept { return speaks_telnet_; }
  // Takes telnet commands that stand at the very front of what has come, and nothing else. True when one was taken.
  bool take_telnet_command();

 private:
  enum class State : std::uint8_t { text, carriage_return, command, option, subnegotiation, subnegotiation_command };
  enum class Step : std::uint8_t { go_on, end_of_line, bad };

  Step step(std::uint8_t byte);
  Step text_byte(std::uint8_t byte);
  Step telnet_byte(std::uint8_t byte);
  Step keep(std::uint8_t byte);
  std::optional<Result> take_from(std::size_t available, const std::uint8_t* bytes);
  bool whole_line_is_text() const;
  bool in_a_line() const noexcept { return !line_.empty() || state_ == State::carriage_return; }

  ClientStream& client_;
  bool telnet_;
  bool speaks_telnet_ = false;
  State state_ = State::text;
  State resumed_ = State::text;  // where a telnet command stood
  Secret line_;
};

}  // namespace usher
