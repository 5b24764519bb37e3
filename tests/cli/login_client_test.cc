#include "cli/login_client.h"

#include <doctest/doctest.h>

#include "cli/login_status.h"
#include "tests/cli/login_support.h"
#include "tests/support/descriptors.h"

using namespace usher;
using namespace usher::testing;

namespace {

using Kind = LoginClient::Outcome::Kind;
using Lines = std::vector<std::string>;

void send_slowly(Client& server, const std::string& bytes) {
  for (const char byte : bytes) server.send(std::string(1, byte));
}

}  // namespace

TEST_CASE("login: user, secret and program are sent when they are asked for, and the program starts") {
  const std::size_t before = open_descriptors();
  {
    ScriptedPrompter nobody;
    Login login(request_for({"cat", "-n"}), nobody);
    login.server.send_line("100 User:");
    CHECK(login.server.read_line() == "ada");
    login.server.send_line("101 Password:");
    CHECK(login.server.read_line() == "engine");
    login.server.send_line("102 Program:");
    CHECK(login.server.read_line() == "cat -n");
    login.server.send_line("110 000001/usher/generic");
    const auto outcome = login.outcome();
    CHECK(outcome.kind == Kind::started);
    CHECK(outcome.first_bytes.empty());
    CHECK(nobody.told.empty());
    CHECK(nobody.prompts.empty());
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("login: bytes that come with the start are the program's, to the byte") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  login.server.send("100 a\r\n101 b\r\n102 c\r\n110 d\r\n\r\n103 look-alike\r\n" + std::string("\0\xFF", 2));
  const auto outcome = login.outcome();
  CHECK(outcome.kind == Kind::started);
  CHECK(outcome.first_bytes == "\r\n103 look-alike\r\n" + std::string("\0\xFF", 2));
}

TEST_CASE("login: a dialog of one byte at a time, with bare line feeds, is the same dialog") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  send_slowly(login.server, "100 User:\n");
  CHECK(login.server.read_line() == "ada");
  send_slowly(login.server, "101 Password:\n");
  CHECK(login.server.read_line() == "engine");
  send_slowly(login.server, "102 Program:\n");
  CHECK(login.server.read_line() == "cat");
  send_slowly(login.server, "110 x\n");
  CHECK(login.outcome().kind == Kind::started);
}

TEST_CASE("login: without a password from a file a person is asked, and for every further prompt") {
  ScriptedPrompter person({"engine", "123456", "blue"});
  LoginRequest request = request_for({"cat"});
  request.password.reset();
  Login login(std::move(request), person);
  login.answer_to("100 User:");
  CHECK(login.answer_to("101 Password:") == "engine");
  CHECK(login.answer_to("101 One-time code:") == "123456");
  CHECK(login.answer_to("104 Favourite colour:") == "blue");
  login.answer_to("102 Program:");
  login.server.send_line("110 x");
  CHECK(login.outcome().kind == Kind::started);
  CHECK(person.prompts == Lines{"secret: Password:", "secret: One-time code:", "shown: Favourite colour:"});
}

TEST_CASE("login: a password from a file answers one prompt, and a person the next") {
  ScriptedPrompter person({"123456"});
  Login login(request_for({"cat"}), person);
  login.answer_to("100 User:");
  CHECK(login.answer_to("101 Password:") == "engine");
  CHECK(login.answer_to("101 Code:") == "123456");
  login.server.close();
  login.outcome();
  CHECK(person.prompts == Lines{"secret: Code:"});
}

TEST_CASE("login: a prompt that nobody answers ends it as refused") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  login.server.send_line("101 Code:");
  const auto outcome = login.outcome();
  CHECK(outcome.kind == Kind::over);
  CHECK(outcome.status == login_status::kRefused);
  CHECK(nobody.told == Lines{"nobody answers \"Code:\""});
}

TEST_CASE("login: PAM's texts are shown in their order, harmless") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  login.answer_to("100 User:");
  login.server.send_line("105 Welcome\x1B[2J");
  login.server.send_line("905 Your password ends tomorrow");
  login.answer_to("101 Password:");
  login.answer_to("102 Program:");
  login.server.send_line("105 ");
  login.server.send_line("105 Last login: never");
  login.server.send_line("110 x");
  CHECK(login.outcome().kind == Kind::started);
  CHECK(nobody.told == Lines{"Welcome?[2J", "Your password ends tomorrow", "Last login: never"});
}

TEST_CASE("login: a wrong password from a file is not tried again") {
  ScriptedPrompter person({"better"});
  Login login(request_for({"cat"}), person);
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  login.server.send("900 Login incorrect.\r\n100 User:\r\n");
  const auto outcome = login.outcome();
  CHECK(outcome.kind == Kind::over);
  CHECK(outcome.status == login_status::kRefused);
  CHECK(person.told == Lines{"Login incorrect."});
  CHECK(person.prompts.empty());
}

TEST_CASE("login: a person may try again until the server closes the connection") {
  ScriptedPrompter person({"one", "two"});
  LoginRequest request = request_for({"cat"});
  request.password.reset();
  Login login(std::move(request), person);
  login.answer_to("100 User:");
  CHECK(login.answer_to("101 Password:") == "one");
  login.server.send_line("900 Login incorrect.");
  CHECK(login.answer_to("100 User:") == "ada");
  CHECK(login.answer_to("101 Password:") == "two");
  login.server.send_line("900 Login incorrect.");
  login.server.finish_sending();
  CHECK(login.outcome().status == login_status::kRefused);
  CHECK(person.told == Lines{"Login incorrect.", "Login incorrect."});
}

TEST_CASE("login: a person's second try can succeed") {
  ScriptedPrompter person({"one", "two"});
  LoginRequest request = request_for({"cat"});
  request.password.reset();
  Login login(std::move(request), person);
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  login.server.send_line("900 Login incorrect.");
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  login.answer_to("102 Program:");
  login.server.finish_sending();
  CHECK(login.outcome().status == login_status::kNoResult);
}

TEST_CASE("login: a final refusal has its status and its text") {
  struct Refusal {
    const char* line;
    int status;
  };
  for (const Refusal& refusal :
       {Refusal{"901 Your account has expired.", login_status::kRefused},
        Refusal{"911 Not from there.", login_status::kRefused}, Refusal{"920 Bad input.", login_status::kRefused},
        Refusal{"910 Busy.", login_status::kBusy}, Refusal{"904 Too slow.", login_status::kNoResult}}) {
    CAPTURE(refusal.line);
    ScriptedPrompter nobody;
    Login login(request_for({"cat"}), nobody);
    login.answer_to("100 User:");
    login.server.send_line(refusal.line);
    const auto outcome = login.outcome();
    CHECK(outcome.kind == Kind::over);
    CHECK(outcome.status == refusal.status);
    CHECK(nobody.told == Lines{std::string(refusal.line).substr(4)});
  }
}

TEST_CASE("login: a program that is not there ends a login that named it") {
  ScriptedPrompter person({"echo"});
  Login login(request_for({"dog"}), person);
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  CHECK(login.answer_to("102 Program:") == "dog");
  login.server.send("903 No such program.\r\n102 Program:\r\n");
  CHECK(login.outcome().status == login_status::kRefused);
  CHECK(person.told == Lines{"No such program."});
}

TEST_CASE("login: without a program's name the list is shown and a person chooses") {
  ScriptedPrompter person({"dog", "cat"});
  Login login(request_for({}), person);
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  CHECK(login.answer_to("102 Program:") == "?");
  login.server.send_line("113 cat copies");
  login.server.send_line("113 wc counts");
  CHECK(login.answer_to("102 Program:") == "dog");
  login.server.send_line("903 No such program.");
  CHECK(login.answer_to("102 Program:") == "cat");
  login.server.send_line("110 x");
  CHECK(login.outcome().kind == Kind::started);
  CHECK(person.told == Lines{"  cat copies", "  wc counts", "No such program."});
  CHECK(person.prompts == Lines{"shown: Program:", "shown: Program:"});
}

TEST_CASE("login: without a program's name and without a person it ends as wrong usage") {
  ScriptedPrompter nobody;
  Login login(request_for({}), nobody);
  login.answer_to("100 User:");
  login.answer_to("101 Password:");
  login.server.send_line("102 Program:");
  CHECK(login.outcome().status == login_status::kUsage);
}

TEST_CASE("login: a server that names the program itself is joined with its first byte that is no line of the dialog") {
  for (const std::string& bytes : {std::string("hello"), std::string("> "), std::string("250 ready\r\n"),
                                   std::string("12x"), std::string("\0", 1), std::string("1101\n")}) {
    CAPTURE(bytes);
    ScriptedPrompter nobody;
    Login login(request_for({}), nobody);
    login.answer_to("100 User:");
    login.answer_to("101 Password:");
    login.server.send(bytes);
    const auto outcome = login.outcome();
    CHECK(outcome.kind == Kind::started_unannounced);
    CHECK(outcome.first_bytes == bytes);
  }
}

TEST_CASE("login: a server of another kind is told from Usher before anything is sent") {
  for (const char* bytes : {"220 mail.example ESMTP\r\n", "SSH-2.0-x\r\n", "\xFF\xFD\x18"}) {
    CAPTURE(bytes);
    ScriptedPrompter nobody;
    Login login(request_for({"cat"}), nobody);
    login.server.send(bytes);
    CHECK(login.outcome().status == login_status::kNoResult);
    CHECK(nobody.told == Lines{"the server does not speak the dialog of Usher"});
    login.server.set_patience(std::chrono::milliseconds(50));
    CHECK(login.server.is_silent(std::chrono::milliseconds(50)));
  }
}

TEST_CASE("login: a line without an end does not fill the memory") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  login.server.send("100 " + std::string(4096, 'x'));
  CHECK(login.outcome().status == login_status::kNoResult);
}

TEST_CASE("login: telnet commands around the password are dropped, in pieces too") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  login.answer_to("100 User:");
  send_slowly(login.server, "\xFF\xFB\x01");
  CHECK(login.answer_to("101 Password:") == "engine");
  login.server.send("\xFF\xFC\x01");
  CHECK(login.answer_to("102 Program:") == "cat");
  login.server.send_line("110 x");
  CHECK(login.outcome().kind == Kind::started);
}

TEST_CASE("login: a server that vanishes at any stage leaves no result") {
  const std::vector<std::string> prompts{"100 User:", "101 Password:", "102 Program:"};
  for (std::size_t stage = 0; stage <= prompts.size(); ++stage) {
    for (const bool within_a_line : {false, true}) {
      CAPTURE(stage);
      CAPTURE(within_a_line);
      ScriptedPrompter nobody;
      Login login(request_for({"cat"}), nobody);
      for (std::size_t i = 0; i < stage; ++i) login.answer_to(prompts[i]);
      if (within_a_line) login.server.send("1");
      login.server.close();
      const auto outcome = login.outcome();
      CHECK(outcome.kind == Kind::over);
      CHECK(outcome.status == login_status::kNoResult);
      CHECK(nobody.told == Lines{"the server has closed the connection"});
    }
  }
}

TEST_CASE("login: what the server said before it went is heard though it takes no answer any more") {
  ScriptedPrompter nobody;
  Login login(request_for({"cat"}), nobody);
  login.server.send("100 User:\r\n101 Password:\r\n910 Busy.\r\n");
  login.server.close();
  CHECK(login.outcome().status == login_status::kBusy);
}
