// Whatever a client sends, or does not send, or does not read: the right code, the deadline kept, everybody else
// served.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/at_terminal.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;
using namespace std::string_literals;
using Time = std::chrono::steady_clock;

namespace {

const std::string kCopy = shell_program("copy", "exec cat");

struct Named {
  const char* name;
  std::string bytes;
};

const std::vector<Named> kBadLines{
    {"1,025 bytes", std::string(1025, 'x') + "\n"},
    {"too long, and no end of it", std::string(4000, 'x')},
    {"NUL in it", "nor\0mal\r\n"s},
    {"NUL alone", "\0\r\n"s},
    {"a lone continuation byte", "nor\x80mal\r\n"},
    {"a sequence cut short", "normal\xC3\r\n"},
    {"an overlong form", "\xC0\xAFnormal\r\n"},
    {"half a surrogate pair", "\xED\xA0\x80\r\n"},
    {"above the last character", "\xF4\x90\x80\x80\r\n"},
    {"telnet where none is configured", "\xFF\xFB\x01normal\r\n"},
};

// What is sent before the bad line, so that another thing is asked for.
std::vector<Named> stages() {
  return {
      {"user", ""}, {"secret", "somebody\r\n"}, {"program", usual_account() + "\n" + usual_account() + "-secret\n"}};
}

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string large_data() {
  std::string data;
  while (data.size() < 300'000) data += every_byte();
  return data;
}

// Of what ends with a line end.
std::string last_line(const std::string& text) {
  const std::size_t end = text.rfind("\r\n");
  return end + 2 != text.size() ? "unfinished: " + text : text.substr(text.rfind('\n', end) + 1);
}

std::string login_lines(const std::string& program, const std::string& line_end) {
  return usual_account() + line_end + usual_account() + "-secret" + line_end + program + line_end;
}

// The program's bytes: what comes after the line 110 and before the result.
std::string copied(Client& client) {
  for (const int code : {100, 101, 102, 110}) client.expect_line(code);
  const std::string all = client.read_until_closed();
  const std::string result = "\r\n103 The program has ended.\r\n";
  return all.ends_with(result) ? all.substr(0, all.size() - result.size()) : "without a result: " + all;
}

bool serves(const Installation& usher, const std::string& program = "who") {
  return run_program(usher.address(), usual_account(), program).starts_with(usual_account());
}

}  // namespace

TEST_CASE("input: a bad line is 920 and the end, whatever is being asked for") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  for (const Named& stage : stages()) {
    CAPTURE(stage.name);
    for (const Named& bad : kBadLines) {
      CAPTURE(bad.name);
      Client client(usher.address());
      client.send(stage.bytes + bad.bytes);
      const std::string heard = client.read_until_closed();
      CHECK(last_line(heard).starts_with("920 "));
    }
  }
  const std::size_t all = stages().size() * kBadLines.size();
  CHECK(wait_until([&] { return usher.jobs_with("end", "refused 920").size() == all; }));
  CHECK(usher.log().find("reason=\"bad input\"") != std::string::npos);
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("input: a megabyte without an end is 920, which arrives though nobody read the rest") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho});
  Client client(usher.address());
  client.expect_line(100);
  client.send(std::string(1'000'000, 'x'));
  client.expect_line(920);
  client.expect_closed();
}

TEST_CASE("input: a line of 1,024 bytes is a line") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho});
  Client client(usher.address());
  client.answer(100, std::string(1024, 'x'));
  client.answer(101, std::string(1024, 'x'));
  client.expect_line(900);
  client.answer(100, usual_account());
  client.answer(101, usual_account() + "-secret");
  client.answer(102, std::string(1024, 'x'));
  client.expect_line(903);
  client.answer(102, "who");
  client.expect_line(110);
}

TEST_CASE("input: a login that ends with the input is no bad input and no program") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  for (const Named& stage : stages()) {
    CAPTURE(stage.name);
    Client client(usher.address());
    client.send(stage.bytes);
    client.finish_sending();
    CHECK(client.read_until_closed().find('9') == std::string::npos);
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("input: everything sent at once: what follows the program's line is the program's, to the byte") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kCopy});
  for (const std::string line_end : {"\r\n", "\n"}) {
    for (const std::string& data : {large_data(), "\n"s, "\r\n"s, "\0"s, "\xFF\xFB\x01"s, ""s}) {
      CAPTURE(data.size());
      Client client(usher.address());
      client.send(login_lines("copy", line_end) + data);
      client.finish_sending();
      CHECK(copied(client) == data);
    }
  }
}

TEST_CASE("input: everything one byte at a time") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kCopy});
  for (const std::string line_end : {"\r\n", "\n"}) {
    Client client(usher.address());
    for (const char byte : login_lines("copy", line_end) + every_byte()) client.send(std::string(1, byte));
    client.finish_sending();
    CHECK(copied(client) == every_byte());
  }
}

TEST_CASE("input: a listener with a program of its own passes on every byte after the secret") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kCopy, .listener = "program = \"copy\""});
  Client client(usher.address());
  client.send(usual_account() + "\n" + usual_account() + "-secret\n" + large_data());
  client.finish_sending();
  client.expect_line(100);
  client.expect_line(101);
  CHECK(client.read_until_closed() == large_data());
}

TEST_CASE("input: a byte now and then is no progress: 904 at the deadline") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho, .listener = "login_timeout = \"1s\""});
  const auto began = Time::now();
  Client client(usher.address());
  client.expect_line(100);
  for (client.send("n"); client.is_silent(50ms);) client.send("n");
  client.expect_line(904);
  client.expect_closed();
  CHECK(Time::now() - began >= 1s);
  CHECK(serves(usher));
}

TEST_CASE("input: with telnet, negotiation may stand anywhere") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kCopy, .listener = "telnet = true"});
  const std::string will = "\xFF\xFB\x18";
  const std::string dont = "\xFF\xFE\x03";
  const std::string terminal_type = "\xFF\xFA\x18\0xterm\r\n\xFF\xF0"s;
  const std::string user = usual_account();
  const std::string secret = user + "-secret";
  // Before, in the middle, before the line's end and inside it; CR NUL as telnet ends a line.
  const std::string dialog = will + terminal_type + user.substr(0, 2) + dont + user.substr(2) + "\r" + will + "\n" +
                             secret.substr(0, 3) + terminal_type + secret.substr(3) + "\r\0"s + "co" + will + "py" +
                             dont + "\r\n";
  const std::string data = "\xFF\xFB\x01 is the program's" + every_byte();
  for (const bool at_once : {true, false}) {
    CAPTURE(at_once);
    Client client(usher.address());
    if (at_once) {
      client.send(dialog + data);
    } else {
      for (const char byte : dialog + data) client.send(std::string(1, byte));
    }
    client.finish_sending();
    const std::string heard = client.read_until_closed();
    CHECK(heard.ends_with("/generic\r\n" + data + "\r\n103 The program has ended.\r\n"));
  }
}

TEST_CASE("input: Debian's telnet hides the password where the listener asks for it, and shows what is typed next") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(::access("/usr/bin/telnet", X_OK) == 0, "needs telnet");
  const Installation usher(
      {.programs = shell_program("ask", "read line; echo you said $line"), .listener = "telnet = true"});
  const std::string address = usher.address();
  AtTerminal telnet({"/usr/bin/telnet", "127.0.0.1", address.substr(address.rfind(':') + 1)});
  telnet.wait_for("100 User:");
  telnet.type(usual_account() + "\n");
  telnet.wait_for(usual_account());
  telnet.wait_for("101 Password:");
  CHECK(wait_until([&] { return telnet.hides_typing(); }));
  telnet.type(usual_account() + "-secret\n");
  telnet.wait_for("102 ");
  CHECK(wait_until([&] { return !telnet.hides_typing(); }));
  telnet.type("ask\n");
  telnet.wait_for("110 ");
  telnet.type("hello\n");
  telnet.wait_for("hello");
  telnet.wait_for("you said hello");
  telnet.wait_for("103 The program has ended.");
  telnet.wait_for_end();
  CHECK(telnet.shown().find("secret") == std::string::npos);
}

TEST_CASE("input: a client that never reads the dialog is let go at the deadline, and holds nobody up") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho, .listener = "login_timeout = \"2s\""}));
  const Holdings before = holdings_of(usher);
  {
    Visitors visitors(usher.address(), 2);
    Client deaf(usher.address());
    deaf.send(usual_account() + "\n" + usual_account() + "-secret\n");
    std::string questions;
    while (questions.size() < 500'000) questions += "?\n";
    try {
      const auto end = Time::now() + kPatience;
      while (Time::now() < end) deaf.send(questions);
      FAIL_CHECK("nobody ended it");
    } catch (const ClientError& error) {
      CHECK(std::string(error.what()).find("sending: ") != std::string::npos);  // it was let go
    }
    CHECK(visitors.stop().failure == "");
    CHECK(usher.jobs_with("end", "refused 904").size() == 1);
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("input: a client that never reads its program's output costs no memory, and the program ends with it") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho + shell_program("flood", "exec yes")}));
  const Holdings before = holdings_of(usher);
  {
    Client deaf(usher.address());
    log_in(deaf, usual_account(), "flood");
    const JobRow job = usher.job_of(deaf);
    CHECK(serves(usher));
    CHECK(wait_until([&] { return usher.job_of(deaf).at("status") == "active"; }));
    deaf.close();
    CHECK(wait_until([&] { return usher.jobs_with("id", job.at("id")).at(0).count("end") == 1; }));
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("input: clients that come and go at once leave nothing behind") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  for (int i = 0; i < 100; ++i) {
    Client client(usher.address());
    if (i % 2 == 0) client.reset();
  }
  CHECK(serves(usher));
  CHECK(comes_back_to(usher, before));
}
