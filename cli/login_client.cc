#include "cli/login_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/system.h"
#include "base/text.h"
#include "cli/login_status.h"

namespace usher {
namespace {

constexpr std::size_t kMaxLine = 2048;  // the server's are at most half as long
constexpr std::size_t kCode = 3;
// Source: RFC 857: the server hides and shows the typing of a telnet client.
constexpr std::array<std::string_view, 2> kTelnetCommands{"\xFF\xFB\x01", "\xFF\xFC\x01"};
constexpr std::string_view kListPrograms = "?";

std::string_view text_of(const Secret& secret) {
  const std::span<const std::uint8_t> bytes = secret.bytes();
  return {static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size()};
}

void wait_until(int fd, short events) {
  pollfd wait{fd, events, 0};
  check(retry([&] { return ::poll(&wait, 1, -1); }), "wait for the server");
}

bool is_end_of_connection(int error_number) {
  return error_number == EPIPE || error_number == ECONNRESET || error_number == ENOTCONN;
}

}  // namespace

struct LoginClient::Row {
  Code code;
  Handler handle;
};

// What each line of the server leads to.
const LoginClient::Row* LoginClient::row_for(std::string_view line) {
  static constexpr std::array kRows{
      Row{Code::ask_user, &LoginClient::answer_user},
      Row{Code::ask_secret, &LoginClient::answer_secret},
      Row{Code::ask_shown, &LoginClient::answer_shown},
      Row{Code::ask_program, &LoginClient::answer_program},
      Row{Code::program_item, &LoginClient::collect_program},
      Row{Code::pam_info, &LoginClient::tell},
      Row{Code::pam_error, &LoginClient::tell},
      Row{Code::started, &LoginClient::start},
      Row{Code::login_incorrect, &LoginClient::note_wrong_login},
      Row{Code::no_such_program, &LoginClient::note_no_program},
      Row{Code::account_unavailable, &LoginClient::end_refused},
      Row{Code::address_refused, &LoginClient::end_refused},
      Row{Code::bad_input, &LoginClient::end_refused},
      Row{Code::busy, &LoginClient::end_busy},
      Row{Code::too_slow, &LoginClient::end_without_result},
  };
  unsigned code = 0;
  std::from_chars(line.data(), line.data() + kCode, code);
  const auto found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return static_cast<unsigned>(row.code) == code; });
  return found == kRows.end() ? nullptr : &*found;
}

LoginClient::LoginClient(int fd, LoginRequest request, Prompter& prompter)
    : fd_(fd), request_(std::move(request)), prompter_(prompter), may_ask_again_(!request_.password) {}

LoginClient::Outcome LoginClient::wait_for_program() {
  Step step = Step::next;
  while (step == Step::next) {
    switch (front()) {
      case Front::unfinished:
        if (!receive_more()) return outcome_at_end();
        break;
      case Front::line: {
        const std::string line = take_line();
        step = (this->*row_for(line)->handle)(std::string_view(line).substr(kCode + 1));
        break;
      }
      case Front::program: return {Outcome::Kind::started_unannounced, std::move(received_), 0};
      case Front::foreign: step = end(login_status::kNoResult, "the server does not speak the dialog of Usher"); break;
    }
  }
  if (step == Step::started) return {Outcome::Kind::started, std::move(received_), 0};
  return {Outcome::Kind::over, {}, status_};
}

LoginClient::Outcome LoginClient::outcome_at_end() {
  if (wrong_login_) {
    end(login_status::kRefused, {});
  } else {
    end(login_status::kNoResult, "the server has closed the connection");
  }
  return {Outcome::Kind::over, {}, status_};
}

// A second time means that the login was wrong: only a person can do better.
LoginClient::Step LoginClient::answer_user(std::string_view) {
  if (user_told_ && (!may_ask_again_ || !prompter_.is_there())) return end(login_status::kRefused, {});
  user_told_ = true;
  send_line(request_.user);
  return Step::next;
}

LoginClient::Step LoginClient::answer_secret(std::string_view prompt) {
  std::optional<Secret> secret = std::exchange(request_.password, std::nullopt);
  if (!secret) secret = prompter_.wait_for_secret(prompt);
  if (!secret) return end_unanswered(prompt);
  send_secret(*secret);
  secret_told_ = true;
  return Step::next;
}

LoginClient::Step LoginClient::answer_shown(std::string_view prompt) {
  const std::optional<std::string> answer = prompter_.wait_for_answer(prompt);
  if (!answer) return end_unanswered(prompt);
  send_line(*answer);
  return Step::next;
}

LoginClient::Step LoginClient::answer_program(std::string_view prompt) {
  wrong_login_ = false;
  if (request_.program.empty()) return choose_program(prompt);
  std::string line;
  for (const std::string& word : request_.program) line += (line.empty() ? "" : " ") + word;
  send_line(line);
  return Step::next;
}

LoginClient::Step LoginClient::choose_program(std::string_view prompt) {
  if (!prompter_.is_there()) return end(login_status::kUsage, "name a program: there is no terminal to ask on");
  if (!listed_) {
    listed_ = true;
    send_line(kListPrograms);
    return Step::next;
  }
  for (const std::string& program : programs_) prompter_.tell("  " + program);
  programs_.clear();
  const std::optional<std::string> answer = prompter_.wait_for_answer(prompt);
  if (!answer) return end_unanswered(prompt);
  send_line(*answer);
  return Step::next;
}

LoginClient::Step LoginClient::collect_program(std::string_view text) {
  programs_.push_back(printable(text));
  return Step::next;
}

LoginClient::Step LoginClient::tell(std::string_view text) {
  if (!text.empty()) prompter_.tell(printable(text));
  return Step::next;
}

LoginClient::Step LoginClient::note_wrong_login(std::string_view text) {
  wrong_login_ = true;
  return tell(text);
}

LoginClient::Step LoginClient::note_no_program(std::string_view text) {
  return request_.program.empty() ? tell(text) : end(login_status::kRefused, text);
}

LoginClient::Step LoginClient::start(std::string_view) {
  return Step::started;
}
LoginClient::Step LoginClient::end_refused(std::string_view text) {
  return end(login_status::kRefused, text);
}
LoginClient::Step LoginClient::end_busy(std::string_view text) {
  return end(login_status::kBusy, text);
}
LoginClient::Step LoginClient::end_without_result(std::string_view text) {
  return end(login_status::kNoResult, text);
}

LoginClient::Step LoginClient::end_unanswered(std::string_view prompt) {
  return end(login_status::kRefused, "nobody answers \"" + printable(prompt) + "\"");
}

LoginClient::Step LoginClient::end(int status, std::string_view text) {
  tell(text);
  status_ = status;
  return Step::over;
}

LoginClient::Front LoginClient::front() {
  drop_telnet_commands();
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view code = std::string_view(received_).substr(0, kCode);
  const bool may_be_line =
      std::all_of(code.begin(), code.end(), is_digit) && (received_.size() <= kCode || received_[kCode] == ' ');
  if (may_be_line && received_.size() <= kCode) return Front::unfinished;
  if (may_be_line && row_for(code) != nullptr && received_.find('\n') != received_.npos) return Front::line;
  if (may_be_line && row_for(code) != nullptr && received_.size() < kMaxLine) return Front::unfinished;
  for (const std::string_view command : kTelnetCommands) {
    if (!received_.empty() && command.starts_with(received_)) return Front::unfinished;
  }
  return secret_told_ ? Front::program : Front::foreign;
}

void LoginClient::drop_telnet_commands() {
  for (bool dropped = true; dropped;) {
    dropped = false;
    for (const std::string_view command : kTelnetCommands) {
      if (!received_.starts_with(command)) continue;
      received_.erase(0, command.size());
      dropped = true;
    }
  }
}

bool LoginClient::receive_more() {
  std::array<char, 4096> bytes;
  while (true) {
    const ssize_t got = retry([&] { return ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT); });
    if (got > 0) received_.append(bytes.data(), static_cast<std::size_t>(got));
    if (got >= 0) return got > 0;
    if (is_end_of_connection(errno)) return false;
    if (errno != EAGAIN) throw_errno("receive from the server");
    wait_until(fd_, POLLIN);
  }
}

std::string LoginClient::take_line() {
  const std::size_t end = received_.find('\n');
  std::string line = received_.substr(0, end);
  received_.erase(0, end + 1);
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

void LoginClient::send_line(std::string_view text) {
  send_all(text);
  send_all("\r\n");
}

void LoginClient::send_secret(const Secret& secret) {
  send_line(text_of(secret));
}

// To a server that has gone nothing is sent: what it said before comes first.
void LoginClient::send_all(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = retry([&] { return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (is_end_of_connection(errno)) {
      return;
    } else if (errno == EAGAIN) {
      wait_until(fd_, POLLOUT);
    } else {
      throw_errno("send to the server");
    }
  }
}

}  // namespace usher
