// The program usher itself: commands, options, exit status, what goes to which stream.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include "cli/command.h"
#include "tests/cli/pipe.h"
#include "tests/cli/scripted_server.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

const std::string kUsher = USHER_COMMAND;

Result usher_with(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  arguments.insert(arguments.begin(), kUsher);
  return run(arguments, options);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

// A configuration without a fault on any machine.
std::string good_configuration(const TemporaryDirectory& directory) {
  directory.write("pam.d/usher", "auth required pam_permit.so\n");
  directory.write("programs.d/cat.toml", "[program.cat]\ncommand = [\"/bin/cat\"]\nusers = [\"*\"]\n");
  return directory.write("usher.toml",
                         "[server]\nruntime_directory = \"" + directory.path("run") + "\"\nstate_directory = \"" +
                             directory.path("state") + "\"\nuser = \"daemon\"\nlogin_user = \"nobody\"\n" +
                             "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\npool = \"p\"\n[pool.p]\n" +
                             "pam_directory = \"" + directory.path("pam.d") + "\"\n");
}

}  // namespace

TEST_CASE("usher: help and version go to standard output with status 0") {
  const Result help = usher_with({"--help"});
  CHECK(help.ending.code == 0);
  for (const Command& command : commands()) CHECK(has(help.output, "  " + std::string(command.name) + " "));
  CHECK(help.error_output.empty());
  const Result version = usher_with({"--version"});
  CHECK(version.ending.code == 0);
  CHECK(version.output == std::string("usher ") + USHER_VERSION + "\n");
}

TEST_CASE("usher: every command has help of its own") {
  for (const Command& command : commands()) {
    const std::string name(command.name);
    CAPTURE(name);
    for (const auto& words : {std::vector<std::string>{name, "--help"}, {"--help", name}, {name, "-h"}}) {
      const Result help = usher_with(words);
      CHECK(help.ending.code == 0);
      CHECK(help.output.starts_with("usage: usher " + name + " " + std::string(command.synopsis) + "\n"));
    }
  }
}

TEST_CASE("usher: wrong usage is status 2 with the usage on standard error") {
  for (const auto& words : {std::vector<std::string>{},
                            {"no-such-command"},
                            {"--no-such-option"},
                            {"check", "operand"},
                            {"check", "--no-such-option"},
                            {"check", "--config"},
                            {"login"},
                            {"login", "no-port"},
                            {"login", "--user", "", "127.0.0.1:1"},
                            {"login", "--user", "a\nb", "127.0.0.1:1"},
                            {"login", "127.0.0.1:1", "cat", "two words"}}) {
    CAPTURE(words.size());
    const Result result = usher_with(words);
    CHECK(result.ending.code == 2);
    CHECK(result.output.empty());
    CHECK(has(result.error_output, "usage: usher") != has(result.error_output, "usher --help lists the commands"));
  }
}

TEST_CASE("usher: SIGPIPE is not blocked, whatever its libraries do before main") {
  Pipe out = make_pipe();
  out.read.reset();
  ProcessOptions options;
  options.output_fd = out.write.get();
  CHECK(usher_with({"--help"}, options).ending.signal == SIGPIPE);
}

TEST_CASE("check: a good configuration is status 0 and a line on standard output") {
  const TemporaryDirectory directory;
  const std::string file = good_configuration(directory);
  const std::string good = "configuration is good: 1 listener, 1 pool, 1 program\n";
  const Result named = usher_with({"check", "--config", file});
  CHECK(named.error_output == "");
  CHECK(named.output == good);
  CHECK(named.ending.code == 0);
  CHECK(usher_with({"--config", file, "check"}).output == good);
  ProcessOptions options;
  options.variables = {"USHER_CONFIG=" + file};
  CHECK(usher_with({"check"}, options).output == good);
}

TEST_CASE("check: faults and their number go to standard error, with status 1") {
  const TemporaryDirectory directory;
  const std::string file = good_configuration(directory);
  directory.write("programs.d/cat.toml", "[program.cat]\ncommand = [\"cat\"]\nuser = [\"*\"]\n");
  const std::string program = directory.path("programs.d/cat.toml");
  const Result result = usher_with({"check", "--config", file});
  CHECK(result.ending.code == 1);
  CHECK(result.output.empty());
  CHECK(result.error_output ==
        program +
            ":1:1: warning: program \"cat\" names no users and no groups, so nobody may run it; add users = [\"*\"] "
            "for everybody, or names\n" +
            program +
            ":2:12: error: command of program \"cat\" begins with \"cat\", which is not an absolute path; write "
            "the absolute path of a program\n" +
            program + ":3:1: error: program \"cat\" has an unknown key \"user\"; did you mean users?\n" +
            "2 errors, 1 warning in 1 file\n");
}

TEST_CASE("check: a configuration that is not there is a fault like any other") {
  const Result result = usher_with({"check", "--config", "/no/such/file"});
  CHECK(result.ending.code == 1);
  CHECK(result.error_output ==
        "/no/such/file: error: it cannot be opened: No such file or directory; make the file, or name another with "
        "--config\n1 error in 1 file\n");
}

TEST_CASE("check: --json is one object a line on standard output") {
  const TemporaryDirectory directory;
  const std::string file = good_configuration(directory);
  CHECK(usher_with({"check", "--json", "--config", file}).output ==
        "{\"ok\":true,\"summary\":\"configuration is good: 1 listener, 1 pool, 1 program\"}\n");
  const std::string program = directory.write("programs.d/cat.toml", "[program.cat]\ncommand = 3\nusers = [\"*\"]\n");
  const Result result = usher_with({"--json", "check", "--config", file});
  CHECK(result.ending.code == 1);
  CHECK(result.output.starts_with("{\"severity\":\"error\",\"file\":\"" + program +
                                  "\",\"line\":2,\"column\":11,\"message\":\"command of program \\\"cat\\\" is a whole "
                                  "number\",\"remedy\":\"write a list"));
  CHECK(result.output.ends_with("\"}\n{\"ok\":false,\"summary\":\"1 error in 1 file\"}\n"));
  CHECK(result.error_output.empty());
}

namespace {

// Logs in as ada with a password from a file.
class LoginRun {
 public:
  explicit LoginRun(const std::string& password = "engine\n") { file_ = directory_.write("password", password, 0600); }

  Result operator()(const std::string& address, std::vector<std::string> program, const std::string& input = "") const {
    std::vector<std::string> words{"login", "--user", "ada", "--password-file", file_, address};
    words.insert(words.end(), program.begin(), program.end());
    ProcessOptions options;
    options.input = input;
    return usher_with(words, options);
  }

 private:
  TemporaryDirectory directory_;
  std::string file_;
};

// Sends back what it gets, upper case, and ends with `result`.
void play_shout(Client& client, const std::string& result) {
  const std::string program = play_login(client, "ada", "engine");
  client.send_line("110 000001/usher/generic");
  std::string text = client.read_until_closed();
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  client.send(program + ": " + text + "\r\n" + result + "\r\n");
  client.close();
}

}  // namespace

TEST_CASE("usher login: input and output are the program's, over IPv4, IPv6 and unix sockets") {
  const TemporaryDirectory directory;
  const LoginRun login;
  for (const std::string& address :
       {std::string("127.0.0.1:0"), std::string("[::1]:0"), "unix:" + directory.path("s")}) {
    CAPTURE(address);
    const ScriptedServer server([](Client& client) { play_shout(client, "103 x"); }, address);
    const Result result = login(server.address(), {"shout", "-a"}, "hello\n");
    CHECK(result.output == "shout -a: HELLO\n");
    CHECK(result.error_output.empty());
    CHECK(result.ending.code == 0);
  }
}

TEST_CASE("usher login: the status is the program's, or 128 and the signal's number") {
  const LoginRun login;
  const ScriptedServer failing([](Client& client) { play_shout(client, "902 status 7"); });
  CHECK(login(failing.address(), {"shout"}).ending.code == 7);
  const ScriptedServer killed([](Client& client) { play_shout(client, "902 signal SIGKILL"); });
  CHECK(login(killed.address(), {"shout"}).ending.code == 137);
}

TEST_CASE("usher login: refused is 250, busy 251, unreachable 252, and no result 253") {
  const LoginRun login;
  const ScriptedServer server([](Client& client) { play_shout(client, "103 x"); });
  const Result wrong = LoginRun("wrong\n")(server.address(), {"shout"});
  CHECK(wrong.ending.code == 250);
  CHECK(wrong.error_output == "Login incorrect.\n");
  const ScriptedServer busy([](Client& client) { client.send_line("910 Busy."); });
  CHECK(login(busy.address(), {"shout"}).ending.code == 251);
  const UniqueFd deaf = bound_socket("127.0.0.1:0");
  const Result unreachable = login(local_end_of(deaf.get()).text(), {"shout"});
  CHECK(unreachable.ending.code == 252);
  CHECK(has(unreachable.error_output, "Connection refused"));
  const ScriptedServer vanishing([](Client& client) {
    play_login(client, "ada", "engine");
    client.send("110 x\r\npartial output");
    client.close();
  });
  const Result partial = login(vanishing.address(), {"shout"});
  CHECK(partial.ending.code == 253);
  CHECK(partial.output == "partial output");
}

TEST_CASE("usher login: without --user it is the caller's own name") {
  const TemporaryDirectory directory;
  std::string user;
  const ScriptedServer server([&](Client& client) {
    client.send_line("100 User:");
    user = client.read_line();
    client.send_line("910 Busy.");
  });
  const std::string file = directory.write("password", "x", 0600);
  CHECK(usher_with({"login", "--password-file", file, server.address()}).ending.code == 251);
  const std::string own = run({"/usr/bin/id", "-un"}).output;
  CHECK(user + "\n" == own);
}

TEST_CASE("usher login: a password file that others may read is refused before anything is sent") {
  const TemporaryDirectory directory;
  const std::string file = directory.write("password", "engine\n", 0644);
  const Result result = usher_with({"login", "--user", "ada", "--password-file", file, "127.0.0.1:1"});
  CHECK(result.ending.code == 1);
  CHECK(result.error_output == "usher login: " + file + " is open to others: chmod 600 it\n");
}

TEST_CASE("usher login: with neither a terminal nor a password file it says so") {
  // A new session has no terminal.
  const Result result = run({"/usr/bin/setsid", "--wait", kUsher, "login", "127.0.0.1:1"});
  CHECK(result.ending.code == 1);
  CHECK(has(result.error_output, "there is no terminal to ask for the password on: use --password-file"));
}

TEST_CASE("usher login: the password is in no argument, no variable and no output") {
  const LoginRun login("engine\n");
  const ScriptedServer server([](Client& client) { play_shout(client, "103 x"); });
  const Result result = login(server.address(), {"shout"}, "x");
  CHECK_FALSE(has(result.output + result.error_output, "engine"));
}
