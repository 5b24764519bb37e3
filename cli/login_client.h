// The client's side of the dialog, from the first line to the program's bytes.
//
// Model:  reads the server's lines and answers them until the program starts or the server ends the connection. A
// server
//         whose listener names the program says nothing when it starts: after a secret was answered, bytes that are no
//         line of the dialog are the program's.
// Shape:  the descriptor is a connected stream socket, blocking or not. Telnet commands (three bytes from 255) are
// dropped. Source: docs/PROTOCOL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/reply.h"
#include "base/secret.h"
#include "cli/prompter.h"

namespace usher {

struct LoginRequest {
  std::string user;
  std::optional<Secret> password;    // else the prompter is asked
  std::vector<std::string> program;  // name and arguments; none: the prompter is asked
};

class LoginClient {
 public:
  LoginClient(int fd, LoginRequest request, Prompter& prompter);

  struct Outcome {
    enum class Kind { started, started_unannounced, over };
    Kind kind = Kind::over;
    std::string first_bytes;  // of the program, which came with the dialog
    int status = 0;           // when over: login_status.h
  };
  // Errors: std::system_error when the socket fails otherwise than by its end.
  Outcome wait_for_program();

 private:
  enum class Step { next, started, over };
  using Handler = Step (LoginClient::*)(std::string_view text);
  struct Row;
  static const Row* row_for(std::string_view line);

  Step answer_user(std::string_view text);
  Step answer_secret(std::string_view prompt);
  Step answer_shown(std::string_view prompt);
  Step answer_program(std::string_view prompt);
  Step collect_program(std::string_view text);
  Step tell(std::string_view text);
  Step note_wrong_login(std::string_view text);
  Step note_no_program(std::string_view text);
  Step start(std::string_view text);
  Step end_refused(std::string_view text);
  Step end_busy(std::string_view text);
  Step end_without_result(std::string_view text);

  Step end_unanswered(std::string_view prompt);
  Step end(int status, std::string_view text);
  Step choose_program(std::string_view prompt);
  enum class Front { line, program, unfinished, foreign };
  Front front();
  void drop_telnet_commands();
  bool receive_more();
  std::string take_line();
  void send_line(std::string_view text);
  void send_secret(const Secret& secret);
  void send_all(std::string_view bytes);
  Outcome outcome_at_end();

  int fd_;
  LoginRequest request_;
  Prompter& prompter_;
  std::string received_;
  std::vector<std::string> programs_;
  bool may_ask_again_;  // a wrong password typed by a person, not one from a file
  bool user_told_ = false;
  bool secret_told_ = false;
  bool wrong_login_ = false;
  bool listed_ = false;
  int status_ = 0;
};

}  // namespace usher
