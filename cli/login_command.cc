#include "cli/login_command.h"

#include <Poco/Util/Option.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

#include "base/endpoint.h"
#include "base/text.h"
#include "cli/byte_join.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/connect.h"
#include "cli/login_client.h"
#include "cli/login_status.h"
#include "cli/password_file.h"
#include "cli/secure_connection.h"
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

// TLS where the way to the server may have others on it, unless the options say otherwise.
bool wants_tls(const CommandLine& line, const ServerAddress& server, int fd) {
  if (line.has("tls") || line.has("ca") || line.has("insecure")) return true;
  return !line.has("plain") && !server.is_unix() && !peer_of(fd).loopback();
}

std::optional<UniqueFd> try_to_secure(UniqueFd fd, const CommandLine& line, const ServerAddress& server, Prompter& prompter) {
  if (!wants_tls(line, server, fd.get())) return fd;
  if (line.has("insecure")) prompter.tell("usher login: any certificate is believed: somebody on the way may read your password");
  try {
    return secure_connection(std::move(fd), {server.host, line.value("ca").value_or(""), line.has("insecure")});
  } catch (const Error& error) {
    prompter.tell(std::string("usher login: ") + error.what());
    return {};
  }
}

void check_tls_options(const CommandLine& line) {
  const bool tls = line.has("tls") || line.has("ca") || line.has("insecure");
  if (tls && line.has("plain")) throw UsageError("--plain goes with none of --tls, --ca and --insecure");
  if (line.has("ca") && line.has("insecure")) throw UsageError("--insecure believes any certificate, with or without --ca");
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
  options.addOption(Option("tls", "", "encrypt also where the server is this machine; everywhere else that is so without"));
  options.addOption(Option("plain", "", "do not encrypt: whoever is on the way can read your password"));
  options.addOption(Option("ca", "", "believe the certificates that those in FILE (PEM) have signed, and no others", false,
                           "FILE", true)
                        .repeatable(true));
  options.addOption(Option("insecure", "", "believe any certificate: encrypted, but perhaps not with the server you mean"));
  return options;
}

int login_command(std::span<const std::string> arguments) {
  const CommandLine line(login_options(), arguments, 1);
  line.check_operands(1, std::numeric_limits<std::size_t>::max());
  const auto server = parse_server_address(line.operands()[0]);
  if (!server) throw UsageError("\"" + line.operands()[0] + "\" is not HOST:PORT, [IPV6]:PORT or unix:PATH");
  check_tls_options(line);
  ::signal(SIGPIPE, SIG_IGN);
  leave_no_core();
  LoginRequest request = request_from(line);
  Terminal terminal;
  if (!request.password && !terminal.is_there()) {
    throw Error(ErrorCode::invalid_argument, "there is no terminal to ask for the password on: use --password-file");
  }
  auto fd = try_to_connect(*server, terminal);
  if (fd) fd = try_to_secure(std::move(*fd), line, *server, terminal);
  return fd ? serve(fd->get(), std::move(request), terminal) : login_status::kUnreachable;
}

}  // namespace usher
