// usher restart listener | pool | all: new processes in the place of the old ones, and nobody who uses them notices.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

std::string programs() { return kWho + shell_program("stay", "echo $$; exec cat"); }

// Beside the usual listener one whose clients are served by http_hello, and one without a login.
Setting of_all_kinds() {
  Setting setting{.programs = programs() + "[program.hello]\ncommand = [\"/bin/echo\", \"hello\"]\n"};
  setting.more =
      "[[listener]]\nname = \"own\"\naddress = \"127.0.0.1:0\"\npool = \"own\"\n"
      "[[listener]]\nname = \"open\"\naddress = \"127.0.0.1:0\"\nlogin = \"none\"\nprogram = \"hello\"\nuser = \"" +
      usual_account() + "\"\n[pool.own]\ncommand = [\"" USHER_PROGRAMS "/http_hello\"]\nuser = \"" + usual_account() +
      "\"\ninitial = 3\nthreshold = 2\nadditional = 1\n";
  return setting;
}

void ask_own_worker(const std::string& address) {
  Client client(address);
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_until_closed();
  if (!answer.starts_with("HTTP/1.1 200 OK") || !answer.ends_with("hello\n")) throw ClientError("the worker said: " + answer);
}

void run_open_program(const std::string& address) {
  Client client(address);
  const std::string said = client.read_until_closed();
  if (said != "hello\n") throw ClientError("the program said: " + said);
}

void stop_unharmed(Visitors& visitors) {
  const Visitors::Tally tally = visitors.stop();
  CHECK(tally.failed == 0);
  CHECK(tally.failure == "");
}

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

TEST_CASE("restart: under constant load nobody is refused, whatever serves him, and whoever is in goes on") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::vector<Case> cases{{"listener", true, false}, {"pool", false, true}, {"all", true, true}};
  for (const Case& one : cases) {
    CAPTURE(one.what);
    const Installation usher(of_all_kinds());
    const pid_t starter = usher.starter();
    Guests guests(usher);
    Visitors visitors(usher.address(), 3);
    Visitors of_own_workers(2, [address = usher.address("own")] { ask_own_worker(address); });
    Visitors without_login(2, [address = usher.address("open")] { run_open_program(address); });
    for (int i = 0; i < 3; ++i) {
      const int served = visitors.served();
      const int by_own_workers = of_own_workers.served();
      const int open = without_login.served();
      const pid_t listener = usher.service("usher-listener");
      const pid_t pool = usher.service("usher-pool");
      const Result restart = usher.usher({"restart", one.what});
      CHECK(restart.error_output == "");
      CHECK(restart.ending.code == 0);
      CHECK((usher.service("usher-listener") != listener) == one.listener);
      CHECK((usher.service("usher-pool") != pool) == one.pool);
      CHECK(wait_until([&] {
        return visitors.served() > served + 4 && of_own_workers.served() > by_own_workers + 4 &&
               without_login.served() > open + 4;
      }));
    }
    for (Visitors* each : {&visitors, &of_own_workers, &without_login}) stop_unharmed(*each);
    CHECK(guests.go_on());
    CHECK(is_running(starter));
    CHECK(usher.usher({"check", "--live"}).error_output == "");
    const bool true_again = wait_until([&] { return usher.jobs_with("status", "active").size() == 4; });
    CHECK_MESSAGE(true_again, usher.usher({"jobs"}).output);  // listener, the one without login, pool, one program
    CHECK(wait_until([&] { return usher.jobs_with("pool", "own").size() >= 3; }));
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

TEST_CASE("restart: all runs the programs that are on disk by then") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const auto install = [&] {
    for (const char* name : {"usher", "usher-starter", "usher-listener", "usher-pool", "usher-worker", "usher-login", "usher-public"}) {
      const std::filesystem::path built = std::filesystem::path(USHER_COMMAND).parent_path() / name;
      std::filesystem::copy_file(built, directory.path("next"), std::filesystem::copy_options::overwrite_existing);
      std::filesystem::rename(directory.path("next"), directory.path(name));
    }
  };
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  install();
  const std::string configuration = write_configuration(directory, {.programs = programs()});
  const auto usher = [&](std::vector<std::string> words) {
    words.insert(words.begin(), directory.path("usher"));
    words.insert(words.begin() + 2, {"--config", configuration});
    return run(words);
  };
  REQUIRE(usher({"start"}).ending.code == 0);
  const std::string status = usher({"status", "--json"}).output;
  const std::size_t at = status.find("127.0.0.1:");
  Client client(status.substr(at, status.find('"', at) - at));
  log_in(client, usual_account(), "stay");
  client.read_line();
  install();
  CHECK(usher({"restart", "all"}).ending.code == 0);
  CHECK(echoes(client, "here"));
  std::size_t running = 0;
  for (const ProcessEntry& process : process_table()) {
    std::error_code gone;
    const std::string program = std::filesystem::read_symlink("/proc/" + std::to_string(process.pid) + "/exe", gone);
    if (gone || !program.starts_with(directory.path())) continue;
    const bool serves_still = (process.name == "usher-worker" || process.name == "usher-login") && program.ends_with(" (deleted)");
    CHECK((serves_still || !program.ends_with(" (deleted)")));
    running += serves_still ? 0 : 1;
  }
  CHECK(running >= 4);  // starter, listener, pool, template
  CHECK(usher({"stop"}).ending.code == 0);
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
