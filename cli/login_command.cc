#include "cli/login_command.h"

#include <Poco/Util/Option.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "base/text.h"
#include "cli/byte_join.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/connect.h"
#include "cli/login_client.h"
#include "cli/login_status.h"
#include "cli/password_file.h"
#include "cli/terminal.h"
#include "usher/error.h"

namespace usher {
namespace {

using Poco::Util::Option;
using Poco::Util::OptionSet;

std::string callers_name() {
  const passwd* account = ::getpwuid(::geteuid());
  if (account == nullptr) throw UsageError("you have no user name here: name one with --user");
  return account->pw_name;
}

void check_line(const std::string& what, const std::string& text) {
  if (text.empty()) throw UsageError(what + " is empty");
  if (text.size() > Secret::kMax) throw UsageError(what + " is longer than a line of the dialog");
  if (printable(text) != text) throw UsageError(what + " has a control character, or is not UTF-8");
}

// The server splits what it gets at blanks and knows no quoting.
void check_program(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    check_line("an argument", word);
    if (word.find(' ') != word.npos)
      throw UsageError("the argument \"" + word + "\" has a blank, which cannot be sent");
    line += (line.empty() ? "" : " ") + word;
  }
  if (!words.empty()) check_line("the program with its arguments", line);
}

LoginRequest request_from(const CommandLine& line) {
  LoginRequest request;
  request.user = line.value("user").value_or("");
  if (!line.has("user")) request.user = callers_name();
  request.program.assign(line.operands().begin() + 1, line.operands().end());
  check_line("the user name", request.user);
  check_program(request.program);
  if (const auto file = line.value("password-file")) request.password = read_password_file(*file);
  return request;
}

// A core file would hold the password.
void leave_no_core() {
  rlimit none{};
  ::getrlimit(RLIMIT_CORE, &none);
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_CORE, &none);
}

std::optional<UniqueFd> try_to_connect(const ServerAddress& server, Prompter& prompter) {
  try {
    return connect_to(server);
  } catch (const Error& error) {
    prompter.tell(std::string("usher login: ") + error.what());
    return {};
  }
}

int serve(int fd, LoginRequest request, Prompter& prompter) {
  LoginClient client(fd, std::move(request), prompter);
  const LoginClient::Outcome outcome = client.wait_for_program();
  using Kind = LoginClient::Outcome::Kind;
  if (outcome.kind == Kind::over) return outcome.status;
  ByteJoin join(fd, STDIN_FILENO, STDOUT_FILENO, outcome.kind == Kind::started);
  return join.run(outcome.first_bytes).value_or(login_status::kNoResult);
}

}  // namespace

OptionSet login_options() {
  OptionSet options = configuration_options();
  options.addOption(Option("user", "u", "whom to log in as; else your own name", false, "NAME", true).repeatable(true));
  options.addOption(Option("password-file", "p", "the password is the first line of FILE, which only you may read",
                           false, "FILE", true)
                        .repeatable(true));
  return options;
}

int login_command(std::span<const std::string> arguments) {
  const CommandLine line(login_options(), arguments, 1);
  line.check_operands(1, std::numeric_limits<std::size_t>::max());
  const auto server = parse_server_address(line.operands()[0]);
  if (!server) throw UsageError("\"" + line.operands()[0] + "\" is not HOST:PORT, [IPV6]:PORT or unix:PATH");
  ::signal(SIGPIPE, SIG_IGN);
  leave_no_core();
  LoginRequest request = request_from(line);
  Terminal terminal;
  if (!request.password && !terminal.is_there()) {
    throw Error(ErrorCode::invalid_argument, "there is no terminal to ask for the password on: use --password-file");
  }
  const auto fd = try_to_connect(*server, terminal);
  return fd ? serve(fd->get(), std::move(request), terminal) : login_status::kUnreachable;
}

}  // namespace usher
