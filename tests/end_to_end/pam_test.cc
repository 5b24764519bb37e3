// PAM through the whole chain: what modules ask is asked, what they break is theirs alone, and no refusal tells why.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;
using Time = std::chrono::steady_clock;

namespace {

constexpr auto kRefusalTime = 100ms;

// pam_unix for everybody, and behind it the test module, only for the account named; /etc/pam.d/front-test.
void write_service(const std::string& behaviour, const std::string& account) {
  std::ofstream service("/etc/pam.d/front-test");
  for (const char* phase : {"auth", "account", "session"}) {
    service << phase << " required pam_unix.so\n"
            << phase << " [success=ignore default=1] pam_succeed_if.so quiet user = " << account << "\n"
            << phase << " required " << pam_test_module() << " " << behaviour << "\n"
            << phase << " required pam_permit.so\n";
  }
}

Setting with_module(const std::string& behaviour, const std::string& listener = "") {
  write_service(behaviour, std::string(account::kSecond));
  return steady({.programs = kWho, .listener = listener, .pam_service = "front-test"});
}

// Logs in and runs a program as far as that goes; the last line that came.
std::string last_line_of_login(const Installation& usher, const std::string& user) {
  const std::map<std::string, std::string> answers{{"100", user}, {"101", user + "-secret"}, {"102", "who"}};
  Client client(usher.address());
  std::string last;
  try {
    while (true) {
      last = client.read_line();
      const auto answer = answers.find(last.substr(0, 3));
      if (answer != answers.end()) client.send_line(answer->second);
    }
  } catch (const ClientError&) {
    return last;
  }
}

}  // namespace

TEST_CASE("pam: five questions of either kind are asked one by one, and only the right answers let in") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher(with_module("prompts=5"));
  for (const bool right : {false, true}) {
    CAPTURE(right);
    Client client(usher.address());
    client.answer(100, "second");
    client.answer(101, "second-secret");
    CHECK(client.expect_line(104) == "Question 1:");
    client.send_line("answer1");
    CHECK(client.expect_line(101) == "Question 2:");
    client.send_line(right ? "answer2" : "another");
    client.answer(104, "answer3");
    client.answer(101, "answer4");
    client.answer(104, "answer5");
    if (!right) {
      client.expect_line(900);
      continue;
    }
    // The module asks in every phase in which it may talk.
    for (int i = 1; i <= 5; ++i) client.answer(i % 2 == 1 ? 104 : 101, "answer" + std::to_string(i));
    client.answer(102, "who");
    for (int i = 1; i <= 5; ++i) {
      client.expect_line(i % 2 == 1 ? 104 : 101);
      client.send_line("answer" + std::to_string(i));
    }
    client.expect_line(110);
    CHECK(client.read_line() == "second");
  }
}

TEST_CASE("pam: information and errors come in the modules' order, one harmless line each") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher(
      with_module("[info=first\\x0Aline\\x1B[2J] [error=then 103 The program has ended.] info=last"));
  Client client(usher.address());
  client.answer(100, "second");
  client.answer(101, "second-secret");
  for (int phase = 0; phase < 2; ++phase) {
    CHECK(client.expect_line(105) == "first line?[2J");
    CHECK(client.expect_line(905) == "then 103 The program has ended.");
    CHECK(client.expect_line(105) == "last");
  }
  client.expect_line(102);
}

TEST_CASE("pam: a one-time code is a second secret, and is good once") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  SKIP_UNLESS(has_pam_module("pam_oath.so"), "needs the package libpam-oath");
  const Installation usher({.programs = kWho, .pam_service = "usher-test-oath"});
  const std::string oath(account::kOath);
  for (const bool again : {false, true}) {
    CAPTURE(again);
    Client client(usher.address());
    client.answer(100, oath);
    client.answer(101, oath + "-secret");
    CHECK(client.expect_line(101).find("One-time password") != std::string::npos);
    client.send_line(kOneTimeCodes[0]);
    if (again) {
      client.expect_line(900);
      continue;
    }
    client.answer(102, "who");
    client.expect_line(110);
    CHECK(client.read_line() == oath);
  }
}

TEST_CASE("pam: an expired password is changed in the dialog, and from then on the new one holds") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = kWho});
  const std::string user(account::kMustChange);
  const std::string next = "Four-Blue-Bicycles-8";
  {
    Client client(usher.address());
    client.answer(100, user);
    client.answer(101, user + "-secret");
    std::string line = client.read_line();
    for (; line.starts_with("105 ") || line.starts_with("905 "); line = client.read_line()) {
    }
    CHECK(line.starts_with("101 "));  // the present one, once more
    client.send_line(user + "-secret");
    client.answer(101, next);
    client.answer(101, next);
    client.answer(102, "who");
    client.expect_line(110);
    CHECK(client.read_line() == user);
  }
  Client with_old(usher.address());
  with_old.answer(100, user);
  with_old.answer(101, user + "-secret");
  with_old.expect_line(900);
  with_old.answer(100, user);
  with_old.answer(101, next);
  with_old.expect_line(102);
}

TEST_CASE("pam: a module that hangs, crashes or ends its process harms its own connection alone") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  struct Case {
    std::string behaviour;
    std::string last_line;
  };
  for (const Case& one :
       {Case{"hang=auth", "904 "}, Case{"crash=auth", "101 "}, Case{"exit=auth", "101 "}, Case{"crash=account", "101 "},
        Case{"crash=open", "102 "}, Case{"exit=open", "102 "}, Case{"fail=open", "901 "}, Case{"fail=account", "901 "},
        Case{"fail=setcred-establish", "901 "}}) {
    const auto& [behaviour, last_line] = one;
    CAPTURE(one.behaviour);
    const Installation usher(with_module(behaviour, "login_timeout = \"1s\""));
    const Holdings before = holdings_of(usher);
    Visitors visitors(usher.address(), 1);
    CHECK(last_line_of_login(usher, "second").starts_with(last_line));
    const int so_far = visitors.served();
    CHECK(wait_until([&] { return visitors.served() > so_far; }));
    CHECK(visitors.stop().failure == "");
    // The starter ends a worker whose module hangs ten seconds after its login is over.
    CHECK(comes_back_to(usher, before));
  }
}

TEST_CASE("pam: a session is opened before its program and closed after it, whichever way it ends") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  std::filesystem::remove("/etc/pam_record");
  const Installation usher(
      {.programs = shell_program("stay", "echo $$; exec cat"), .pam_service = "usher-test-module"});
  const auto count = [&](const std::string& phase) {
    const std::string record = read_file("/etc/pam_record");
    std::size_t found = 0;
    for (std::size_t at = 0; (at = record.find("phase=" + phase + " ", at)) != std::string::npos; ++at) ++found;
    return found;
  };
  std::size_t sessions = 0;
  for (const std::string way : {"end of input", "signal", "reset", "ended by the operator"}) {
    CAPTURE(way);
    Client client(usher.address());
    log_in(client, usual_account(), "stay");
    const auto program = static_cast<pid_t>(std::stol(client.read_line()));
    CHECK(count("open") == ++sessions);
    CHECK(count("close") == sessions - 1);
    if (way == "end of input") client.finish_sending();
    if (way == "signal") signal_to(program, SIGKILL);
    if (way == "ended by the operator") usher.usher({"job", "end", usher.job_of(client).at("id"), "--immediate"});
    if (way == "reset") client.reset();
    CHECK(wait_until([&] { return count("setcred-delete") == sessions; }));
    CHECK(count("close") == sessions);
    CHECK(count("setcred-establish") == sessions);
  }
}

TEST_CASE("pam: whatever the reason of a refusal, its words are the same and it comes no sooner") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = kWho, .server = "minimum_uid = 1000", .refusal_time = "100ms"});
  struct Try {
    std::string user, secret;
  };
  const std::vector<Try> tries{{"nobody-here", "x"},
                               {usual_account(), "wrong"},
                               {"yescrypt", "wrong"},
                               {"locked", "locked-secret"},
                               {"root", "root-secret"},
                               {"nopassword", ""},
                               {"nopassword", "x"},
                               {"usher", "usher-secret"},
                               {"*", "*"},
                               {"", ""}};
  std::vector<std::string> dialogs;
  for (const Try& one : tries) {
    CAPTURE(one.user);
    Client client(usher.address());
    std::string dialog;
    // An empty name is refused without a secret: whoever sends it learns nothing of anybody.
    for (int round = 0; round < 3; ++round) {
      dialog += client.read_line() + "\n";
      auto sent = Time::now();
      client.send_line(one.user);
      if (!one.user.empty()) {
        dialog += client.read_line() + "\n";
        sent = Time::now();
        client.send_line(one.secret);
      }
      dialog += client.read_line() + "\n";
      CHECK(Time::now() - sent >= kRefusalTime);
    }
    client.expect_closed();
    if (!one.user.empty()) dialogs.push_back(dialog);
  }
  CHECK(std::adjacent_find(dialogs.begin(), dialogs.end(), std::not_equal_to<>()) == dialogs.end());
  CHECK(dialogs.at(0).find("900 Login incorrect.\n") != std::string::npos);
  CHECK(wait_until([&] { return usher.jobs_with("end", "refused 900").size() == tries.size(); }));
}
