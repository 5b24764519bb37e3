// usher restart listener | pool | all: new processes in the place of the old ones, and nobody who uses them notices.
#include <doctest/doctest.h>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

std::string programs() { return kWho + shell_program("stay", "echo $$; exec cat"); }

bool echoes(Client& client, const std::string& text) {
  client.send(text + "\n");
  return client.read_line() == text;
}

// Somebody in a program, and somebody in the middle of the login.
class Guests {
 public:
  explicit Guests(const Installation& usher) : in_program_(usher.address()), in_login_(usher.address()) {
    log_in(in_program_, usual_account(), "stay");
    in_program_.read_line();
    in_login_.answer(100, usual_account());
    in_login_.expect_line(101);
  }

  bool go_on() {
    if (!echoes(in_program_, "undisturbed")) return false;
    in_login_.send_line(usual_account() + "-secret");
    in_login_.answer(102, "who");
    in_login_.expect_line(110);
    return in_login_.read_line() == usual_account();
  }

 private:
  Client in_program_;
  Client in_login_;
};

struct Case {
  std::string what;
  bool listener;
  bool pool;
};

}  // namespace

TEST_CASE("restart: under constant load nobody is refused, and whoever is in goes on") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::vector<Case> cases{{"listener", true, false}, {"pool", false, true}, {"all", true, true}};
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const Installation usher({.programs = programs()});
    const pid_t starter = usher.starter();
    Guests guests(usher);
    Visitors visitors(usher.address(), 4);
    for (int i = 0; i < 3; ++i) {
      const int served = visitors.served();
      const pid_t listener = usher.service("usher-listener");
      const pid_t pool = usher.service("usher-pool");
      const Result restart = usher.usher({"restart", one.what});
      CHECK(restart.error_output == "");
      CHECK(restart.ending.code == 0);
      CHECK((usher.service("usher-listener") != listener) == one.listener);
      CHECK((usher.service("usher-pool") != pool) == one.pool);
      CHECK(wait_until([&] { return visitors.served() > served + 4; }));
    }
    const Visitors::Tally tally = visitors.stop();
    CHECK(tally.failed == 0);
    CHECK(tally.failure == "");
    CHECK(guests.go_on());
    CHECK(is_running(starter));
    CHECK(usher.usher({"check", "--live"}).error_output == "");
    CHECK(wait_until([&] { return usher.jobs_with("status", "active").size() == 3; }));  // listener, pool, one program
  }
}

TEST_CASE("restart: all keeps sockets, the history of each job is true, and nothing is left over") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = programs()}));
  const Holdings before = holdings_of(usher);
  const std::string address = usher.present_address("generic");
  for (int i = 0; i < 3; ++i) {
    Client client(usher.address());
    log_in(client, usual_account(), "stay");
    client.read_line();
    CHECK(usher.usher({"restart", "all"}).ending.code == 0);
    CHECK(echoes(client, "here"));
    client.finish_sending();
    CHECK(client.read_until_closed().find("103 ") != std::string::npos);
  }
  CHECK(usher.present_address("generic") == address);
  CHECK(holdings_of(usher) == before);
  for (const JobRow& row : usher.jobs(true)) {
    if (row.count("program") > 0 && row.at("program") == "stay") CHECK(row.at("end") == "normal");
  }
}

TEST_CASE("restart: with a faulty configuration nothing is changed") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = programs()});
  const pid_t listener = usher.service("usher-listener");
  usher.rewrite({.programs = programs() + "[program.bad]\ncommand = 7\n"});
  const Result restart = usher.usher({"restart", "all"});
  CHECK(restart.ending.code == 1);
  CHECK(restart.error_output.find("nothing was changed: the configuration has faults") != std::string::npos);
  CHECK(usher.service("usher-listener") == listener);
}

TEST_CASE("restart: without knowing what it is wrong usage") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = programs()});
  CHECK(usher.usher({"restart"}).ending.code == 2);
  CHECK(usher.usher({"restart", "everything"}).ending.code == 2);
}
