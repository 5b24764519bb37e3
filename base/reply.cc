#include "base/reply.h"

#include <sys/wait.h>

#include "base/signal_name.h"
#include "base/text.h"

namespace usher {
namespace {

std::string in_one_line(std::string_view text) {
  const std::size_t end = text.find_last_not_of("\r\n\t ");
  std::string line(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
  for (char& c : line) {
    if (c == '\r' || c == '\n' || c == '\t') c = ' ';
  }
  return printable(cut_utf8(line, kMaxReplyText));
}

}  // namespace

std::string_view default_text(Code code) {
  switch (code) {
    case Code::ask_user: return "User:";
    case Code::ask_secret: return "Password:";
    case Code::ask_program: return "Program (? lists them):";
    case Code::program_ended: return "The program has ended.";
    case Code::ask_shown: return "Answer:";
    case Code::pam_info:
    case Code::pam_error:
    case Code::started:
    case Code::program_item: return "";
    case Code::login_incorrect: return "Login incorrect.";
    case Code::account_unavailable: return "This account may not log in now.";
    case Code::program_failed: return "The program has failed.";
    case Code::no_such_program: return "No such program for you, or it takes no arguments.";
    case Code::too_slow: return "Too slow: the time to log in is over.";
    case Code::busy: return "Busy: try again later.";
    case Code::address_refused: return "Refused: logins from your address are not taken here.";
    case Code::bad_input: return "Bad input: a line is too long, unfinished, or not UTF-8 text.";
  }
  return "";
}

std::string reply_line(Code code, std::string_view text) {
  return std::to_string(static_cast<unsigned>(code)) + " " + in_one_line(text) + "\r\n";
}

std::string result_line(int wait_status) {
  if (WIFSIGNALED(wait_status)) return reply_line(Code::program_failed, "signal " + signal_name(WTERMSIG(wait_status)));
  const int status = WEXITSTATUS(wait_status);
  if (status == 0) return reply_line(Code::program_ended);
  return reply_line(Code::program_failed, "status " + std::to_string(status));
}

}  // namespace usher
