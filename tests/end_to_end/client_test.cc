// `usher login` with a real Usher at the other end.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/system.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/at_terminal.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kPrograms = kWho + shell_program("copy", "exec cat") + shell_program("status", "exit $1") +
                              "[program.give]\nusers = [\"*\"]\ncommand = [\"/bin/sh\", \"-c\", \"exit $0\"]\n"
                              "arguments = true\n" +
                              shell_program("killed", "kill -TERM $$") +
                              shell_program("ask", "printf 'name? '; read name; echo hello $name; exit 4") +
                              shell_program("stay", "echo on; exec cat");

// A password file of this test's own, readable to nobody else.
class Passwords {
 public:
  std::string file_for(const std::string& secret) const { return directory_.write("password", secret + "\n", 0600); }

 private:
  TemporaryDirectory directory_;
};

std::vector<std::string> login_command(const std::string& address, const std::string& user,
                                       const std::string& password_file, const std::vector<std::string>& words) {
  std::vector<std::string> command{USHER_COMMAND, "login", "--user", user, "--password-file", password_file, address};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

Result log_in_with(const Installation& usher, const std::vector<std::string>& words, const std::string& input = "",
                   const std::string& secret = usual_account() + "-secret") {
  const Passwords passwords;
  return run(login_command(usher.address(), usual_account(), passwords.file_for(secret), words), {.input = input});
}

std::string binary_data() {
  std::string data;
  for (std::size_t i = 0; i < 1'000'000; ++i) data += static_cast<char>(i * 7 % 251);
  return data + "\r\n103 The program has ended.\r\n\r\n";
}

}  // namespace

TEST_CASE("client: input and output are the program's, to the byte, over each kind of address") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const std::string unix_address = "unix:" + directory.path("front.sock");
  const Installation usher({.programs = kPrograms,
                            .more = "[[listener]]\nname = \"six\"\naddress = \"[::1]:0\"\npool = \"generic\"\n"
                                    "[[listener]]\nname = \"local\"\naddress = \"" +
                                    unix_address + "\"\npool = \"generic\"\n"});
  const Passwords passwords;
  const std::string file = passwords.file_for(usual_account() + "-secret");
  for (const std::string& address : {usher.address(), usher.address("six"), unix_address}) {
    CAPTURE(address);
    const Result result = run(login_command(address, usual_account(), file, {"copy"}), {.input = binary_data()});
    CHECK(result.ending.code == 0);
    CHECK(result.output == binary_data());
    CHECK(result.error_output.empty());
  }
}

TEST_CASE("client: its status is the program's") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms});
  CHECK(log_in_with(usher, {"who"}).output == usual_account() + "\n");
  CHECK(log_in_with(usher, {"who"}).ending.code == 0);
  for (const int status : {1, 3, 127, 255}) {
    CHECK(log_in_with(usher, {"give", std::to_string(status)}).ending.code == status);
  }
  CHECK(log_in_with(usher, {"killed"}).ending.code == 128 + SIGTERM);
}

TEST_CASE("client: refused, no such program, busy, unreachable and no result have statuses of their own") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  std::string address;
  {
    const Installation usher({.programs = kPrograms,
                              .listener = "pending_timeout = \"1s\"",
                              .pool = "initial = 1\nthreshold = 1\nmaximum = 1"});
    address = usher.address();
    const Result refused = log_in_with(usher, {"who"}, "", "wrong");
    CHECK(refused.ending.code == 250);
    CHECK(refused.error_output.find("Login incorrect.") != std::string::npos);
    CHECK(refused.output.empty());
    CHECK(log_in_with(usher, {"no-such-program"}).ending.code == 250);
    Client client(usher.address());
    client.expect_line(100);
    CHECK(log_in_with(usher, {"who"}).ending.code == 251);
    client.close();

    const Passwords passwords;
    const std::string file = passwords.file_for(usual_account() + "-secret");
    const auto [input, held_open] = make_stream_pair();
    Process cut_off(login_command(usher.address(), usual_account(), file, {"stay"}), {.input_fd = input.get()});
    REQUIRE(cut_off.wait_for_text("on\n"));
    REQUIRE(wait_until([&] { return usher.jobs_with("status", "active").size() == 3; }));
    signal_to(parent_of(pid_of(usher.jobs_with("program", "stay").at(0))), SIGKILL);
    CHECK(cut_off.wait().code == 253);
  }
  const Passwords passwords;
  const std::string file = passwords.file_for("x");
  CHECK(run(login_command(address, "x", file, {"who"})).ending.code == 252);
}

TEST_CASE("client: at a terminal the password is asked for and does not show, and typing goes to the program") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms});
  AtTerminal login({USHER_COMMAND, "login", "--user", usual_account(), usher.address(), "ask"});
  login.wait_for("Password:");
  CHECK(wait_until([&] { return login.hides_typing(); }));
  login.type("wrong\n");
  login.wait_for("Login incorrect.");
  login.wait_for("Password:");
  CHECK(wait_until([&] { return login.hides_typing(); }));
  login.type(usual_account() + "-secret\n");
  login.wait_for("name? ");
  CHECK(login.is_as_before());
  login.type("world\n");
  login.wait_for("hello world");
  const int status = login.wait_for_end();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 4);
  CHECK(login.shown().find("secret") == std::string::npos);
}

TEST_CASE("client: without a program's name the list is shown and one can be chosen") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms});
  AtTerminal login({USHER_COMMAND, "login", "--user", usual_account(), usher.address()});
  login.wait_for("Password:");
  CHECK(wait_until([&] { return login.hides_typing(); }));
  login.type(usual_account() + "-secret\n");
  login.wait_for("copy a test");
  login.wait_for("stay a test");
  login.wait_for("): ");
  login.type("who\n");
  login.wait_for("\n" + usual_account());
  CHECK(WEXITSTATUS(login.wait_for_end()) == 0);
}

TEST_CASE("client: a password file that others may read is not used, and nobody is asked") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms});
  const TemporaryDirectory directory;
  const std::string open = directory.write("password", usual_account() + "-secret\n", 0644);
  const Result result = run(login_command(usher.address(), usual_account(), open, {"who"}));
  CHECK(result.ending.code == 1);
  CHECK(result.output.empty());
  CHECK(usher.jobs_with("status", "login").empty());
}

TEST_CASE("client: a listener with a program of its own is joined after the password") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms, .listener = "program = \"stay\""});
  const Result result = log_in_with(usher, {}, binary_data());
  CHECK(result.output == "on\n" + binary_data());
}
