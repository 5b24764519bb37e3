// The server's lines of the dialog: three digits, a blank, a text, CR LF.
//
// Source: DESIGN 5.3 (docs/PROTOCOL); the numbers are the contract, the texts may improve.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace usher {

enum class Code : std::uint16_t {
  ask_user = 100,
  ask_secret = 101,
  ask_program = 102,
  program_ended = 103,
  ask_shown = 104,
  pam_info = 105,
  started = 110,
  program_item = 113,
  login_incorrect = 900,
  account_unavailable = 901,
  program_failed = 902,
  no_such_program = 903,
  too_slow = 904,
  pam_error = 905,
  busy = 910,
  address_refused = 911,
  bad_input = 920,
};
constexpr Code last_of(Code) { return Code::bad_input; }

// What is said where nothing more particular is known.
std::string_view default_text(Code code);

// One whole line. `text` is made printable, blanks stand for line ends and tabs in it, and it is cut at kMaxReplyText.
inline constexpr std::size_t kMaxReplyText = 1000;
std::string reply_line(Code code, std::string_view text);
inline std::string reply_line(Code code) { return reply_line(code, default_text(code)); }

// What a program's end is told as.  Shape: as waitpid(2) gives it.
std::string result_line(int wait_status);

}  // namespace usher
