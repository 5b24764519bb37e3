// usher login at a terminal: a real one, whose other end the test holds.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/clock.h"
#include "base/system.h"
#include "tests/cli/scripted_server.h"
#include "tests/support/at_terminal.h"
#include "tests/support/descriptors.h"
#include "tests/support/wait_until.h"

using namespace usher;
using namespace usher::testing;

namespace {

const std::string kUsher = USHER_COMMAND;

void play_talk(Client& client) {
  const std::string program = play_login(client, "ada", "engine");
  client.send("110 000001/usher/generic\r\n" + program + "> ");
  const std::string line = client.read_line();
  client.send("you said " + line + "\r\n\r\n902 status 5\r\n");
  client.close();
}

std::vector<std::string> login_to(const ScriptedServer& server) {
  return {kUsher, "login", "--user", "ada", server.address(), "talk"};
}

}  // namespace

TEST_CASE("terminal: the password does not show, what is typed afterwards does") {
  const std::size_t before = open_descriptors();
  {
    const ScriptedServer server(play_talk);
    AtTerminal usher(login_to(server));
    usher.wait_for("Password: ");
    CHECK(usher.hides_typing());
    usher.type("engine\n");
    usher.wait_for("talk> ");
    CHECK(usher.is_as_before());
    usher.type("hello\n");
    usher.wait_for("you said hello");
    const int status = usher.wait_for_end();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 5);
    CHECK(usher.shown().find("engine") == std::string::npos);
    CHECK(usher.shown().find("Password: \r\n") != std::string::npos);
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("terminal: a wrong password can be typed again") {
  const ScriptedServer forgiving([&](Client& client) {
    client.send_line("100 User:");
    client.read_line();
    client.send_line("101 Password:");
    client.read_line();
    client.send_line("900 Login incorrect.");
    play_talk(client);
  });
  AtTerminal usher(login_to(forgiving));
  usher.wait_for("Password: ");
  usher.type("wrong\n");
  usher.wait_for("Login incorrect.");
  usher.wait_for("Password: ");
  usher.type("engine\n");
  usher.wait_for("talk> ");
  usher.type("x\n");
  CHECK(WEXITSTATUS(usher.wait_for_end()) == 5);
}

TEST_CASE("terminal: a signal while the password is typed ends it with the terminal as it was") {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    CAPTURE(number);
    const ScriptedServer server(play_talk);
    AtTerminal usher(login_to(server));
    usher.wait_for("Password: ");
    usher.type("eng");
    REQUIRE(usher.hides_typing());
    ::kill(usher.pid(), number);
    const int status = usher.wait_for_end();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == number);
    CHECK(usher.is_as_before());
  }
}

TEST_CASE("terminal: after a stop the password is asked for anew") {
  const ScriptedServer server(play_talk);
  AtTerminal usher(login_to(server));
  usher.wait_for("Password: ");
  usher.type("eng");
  ::kill(usher.pid(), SIGTSTP);  // where no shell would continue it, the kernel does not stop it
  usher.wait_for("Password: ");
  CHECK(usher.hides_typing());
  usher.type("engine\n");
  usher.wait_for("talk> ");
  usher.type("x\n");
  CHECK(WEXITSTATUS(usher.wait_for_end()) == 5);
}

TEST_CASE("terminal: the interrupt key does the same") {
  const ScriptedServer server(play_talk);
  AtTerminal usher(login_to(server));
  usher.wait_for("Password: ");
  usher.type("eng\x03");
  const int status = usher.wait_for_end();
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGINT);
  CHECK(usher.is_as_before());
}

TEST_CASE("terminal: the end of input at the password is an answer that nobody gives") {
  const ScriptedServer server(play_talk);
  AtTerminal usher(login_to(server));
  usher.wait_for("Password: ");
  usher.type("\x04");
  CHECK(WEXITSTATUS(usher.wait_for_end()) == 250);
  CHECK(usher.is_as_before());
}

TEST_CASE("terminal: a password that is too long for a line is asked for again") {
  const ScriptedServer server(play_talk);
  AtTerminal usher(login_to(server));
  usher.wait_for("Password: ");
  usher.type(std::string(1025, 'x') + "\n");
  usher.wait_for("That is too long.");
  usher.wait_for("Password: ");
  usher.type("engine\n");
  usher.wait_for("talk> ");
  usher.type("x\n");
  CHECK(WEXITSTATUS(usher.wait_for_end()) == 5);
}

TEST_CASE("terminal: without a program's name the list is shown and one is asked for") {
  const ScriptedServer server([](Client& client) {
    play_login(client, "ada", "engine");
    client.send("113 talk talks\r\n113 walk walks\r\n102 Program:\r\n");
    const std::string program = client.read_line();
    client.send("110 x\r\n" + program + " it is\r\n103 x\r\n");
    client.close();
  });
  AtTerminal usher({kUsher, "login", "--user", "ada", server.address()});
  usher.wait_for("Password: ");
  usher.type("engine\n");
  usher.wait_for("  talk talks");
  usher.wait_for("  walk walks");
  usher.wait_for("Program: ");
  usher.type("walk\n");
  usher.wait_for("walk it is");
  CHECK(WEXITSTATUS(usher.wait_for_end()) == 0);
}
