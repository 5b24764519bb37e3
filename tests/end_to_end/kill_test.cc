// Everything that can be killed is killed, alone and in a storm: other clients notice nothing, nothing is left over, and the
// registry is true again within two seconds.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

constexpr int kServiceKills = 3;  // of a storm
constexpr int kKillsBelow = 24;
constexpr auto kTrueAgain = 10s;  // two on a machine with nothing else to do; sanitized builds on a busy one take longer

std::string stay() { return shell_program("stay", "echo $$; exec cat") + shell_program("who", "id -un"); }

// A client in a running program; its pid.
pid_t enter(Client& client) {
  log_in(client, usual_account(), "stay");
  return static_cast<pid_t>(std::stol(client.read_line()));
}

bool echoes(Client& client, const std::string& text) {
  client.send(text + "\n");
  return client.read_line() == text;
}

bool serves(const Installation& usher) {
  return run_program(usher.address(), usual_account(), "who").starts_with(usual_account());
}

struct Kills {
  int services = 0;
  int below = 0;
};

// Any process below the starter, twenty times a second; listener, pool or template twice a second.
Kills storm(const Installation& usher) {
  std::mt19937 random(7);
  Kills kills;
  const auto end = std::chrono::steady_clock::now() + 3 * kPatience;
  const auto is_enough = [&] { return kills.services >= kServiceKills && kills.below >= kKillsBelow; };
  for (int round = 0; !is_enough() && std::chrono::steady_clock::now() < end; ++round) {
    std::vector<pid_t> services;
    std::vector<pid_t> others;
    for (const ProcessEntry& process : descendants_of(usher.starter())) {
      const bool is_service = process.name == "usher-pool" || process.name == "usher-listener" ||
                              (process.parent == usher.starter() && children_of(process.pid).empty());
      (is_service ? services : others).push_back(process.pid);
    }
    const bool hit_service = round % 8 == 7;
    std::vector<pid_t>& victims = hit_service ? services : others;
    std::shuffle(victims.begin(), victims.end(), random);
    // Many have ended since they were looked up.
    const bool hit = std::any_of(victims.begin(), victims.end(), [](pid_t pid) { return signal_to(pid, SIGKILL); });
    if (hit) ++(hit_service ? kills.services : kills.below);
    std::this_thread::sleep_for(50ms);
  }
  return kills;
}

}  // namespace

TEST_CASE("killed: a ready worker is replaced") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay()});
  for (const pid_t worker : ready_workers(usher)) signal_to(worker, SIGKILL);
  CHECK(serves(usher));
  CHECK(wait_until([&] { return usher.is_calm(2); }, kTrueAgain));
}

TEST_CASE("killed: a client whose worker died before it took the connection is served by another") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay(), .pool = "initial = 2"});
  // Stopped, they cannot take what they are handed; then they die.
  const std::vector<pid_t> workers = ready_workers(usher);
  REQUIRE(workers.size() == 2);
  for (const pid_t worker : workers) signal_to(worker, SIGSTOP);
  Client client(usher.address());
  CHECK(wait_until([&] { return !usher.jobs_with("status", "assigned").empty(); }));
  for (const pid_t worker : workers) signal_to(worker, SIGKILL);
  log_in(client, usual_account(), "who");
  CHECK(client.read_line() == usual_account());
}

TEST_CASE("killed: a worker or its login process in the login costs that client alone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay()});
  for (const bool login_process : {false, true}) {
    Client other(usher.address());
    other.answer(100, usual_account());
    Client client(usher.address());
    client.expect_line(100);
    const pid_t worker = worker_of(usher, client);
    signal_to(login_process ? children_of(worker).at(0).pid : worker, SIGKILL);
    client.expect_closed();
    other.answer(101, usual_account() + "-secret");
    other.answer(102, "who");
    other.expect_line(110);
  }
  CHECK(wait_until([&] { return usher.is_calm(2); }, kTrueAgain));
}

TEST_CASE("killed: a worker with a running program takes it along, and a program alone gives its result") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay()});
  Client first(usher.address());
  Client second(usher.address());
  const pid_t first_program = enter(first);
  const pid_t second_program = enter(second);
  signal_to(parent_of(first_program), SIGKILL);
  CHECK(wait_until([&] { return !is_running(first_program); }, kTrueAgain));
  CHECK(wait_until([&] { return usher.jobs_with("end", "lost").size() == 1; }, kTrueAgain));
  CHECK(echoes(second, "still here"));
  signal_to(second_program, SIGKILL);
  CHECK(second.read_line().empty());
  CHECK(second.read_line() == "902 signal SIGKILL");
  second.close();
  CHECK(wait_until([&] { return usher.is_calm(2); }, kTrueAgain));
}

TEST_CASE("killed: what a killed worker's program left running is found and ended") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(
      {.programs = shell_program("daemon", "setsid sh -c 'trap \"\" HUP TERM; echo $$; sleep 300; :' & sleep 300")});
  Client client(usher.address());
  log_in(client, usual_account(), "daemon");
  const auto daemon = static_cast<pid_t>(std::stol(client.read_line()));
  signal_to(parent_of(parent_of(daemon)), SIGKILL);
  CHECK(wait_until([&] { return !is_running(daemon); }, kTrueAgain));
}

TEST_CASE("killed: the pool comes back, running programs and their rows stay, claims are counted on") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("stay", "echo $$; exec cat", "max_sessions = 2") +
                                        shell_program("log", "echo one >&2; read x; echo two >&2")});
  Client in_program(usher.address());
  const pid_t program = enter(in_program);
  Client in_log(usher.address());
  log_in(in_log, usual_account(), "log");
  Client in_login(usher.address());
  in_login.answer(100, usual_account());
  in_login.expect_line(101);

  const pid_t before = usher.service("usher-pool");
  signal_to(before, SIGKILL);
  CHECK(wait_until([&] { return usher.has_new_service("usher-pool", before); }, kTrueAgain));

  CHECK(echoes(in_program, "undisturbed"));
  in_login.send_line(usual_account() + "-secret");
  in_login.answer(102, "stay");
  in_login.expect_line(110);
  CHECK(wait_until([&] { return usher.jobs_with("status", "active").size() == 5; }, kTrueAgain));  // with listener and pool
  CHECK(usher.jobs_with("pid", std::to_string(program)).size() == 1);

  Client third(usher.address());
  third.answer(100, usual_account());
  third.answer(101, usual_account() + "-secret");
  third.answer(102, "stay");
  third.expect_line(910);

  in_log.send_line("go on");
  in_log.read_until_closed();
  const auto ended = [&] { return usher.jobs_with("program", "log"); };
  CHECK(wait_until([&] { return ended().at(0).count("end") == 1; }, kTrueAgain));
  CHECK(usher.usher({"job", "log", ended().at(0).at("id")}).output == "one\ntwo\n");
}

TEST_CASE("killed: the listener comes back, logins and programs go on") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay()});
  Client in_program(usher.address());
  enter(in_program);
  Client in_login(usher.address());
  in_login.answer(100, usual_account());
  in_login.expect_line(101);
  const pid_t before = usher.service("usher-listener");
  signal_to(before, SIGKILL);
  CHECK(serves(usher));  // the socket never closes: the connection waits for the new listener
  CHECK(echoes(in_program, "undisturbed"));
  in_login.send_line(usual_account() + "-secret");
  in_login.answer(102, "who");
  in_login.expect_line(110);
  CHECK(in_login.read_line() == usual_account());
}

TEST_CASE("killed: when the starter dies everything ends, and Usher starts again at once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = stay(), .pam_service = "usher-test-module"});
  Client in_program(usher.address());
  const pid_t program = enter(in_program);
  Client in_login(usher.address());
  in_login.expect_line(100);
  std::vector<pid_t> all;
  for (const ProcessEntry& process : descendants_of(usher.starter())) all.push_back(process.pid);
  REQUIRE(all.size() > 8);
  usher.process().signal(SIGKILL);
  const auto running = [&] { return std::any_of(all.begin(), all.end(), is_running); };
  const Background again(usher.configuration());
  CHECK(again.start().ending.code == 0);
  CHECK(wait_until([&] { return !running(); }, kTrueAgain));
  CHECK_FALSE(is_running(program));
  CHECK(read_file("/etc/pam_record").find("phase=close") != std::string::npos);
  CHECK(again.usher({"stop"}).ending.code == 0);
}

TEST_CASE("killed: in a storm of kills every client that keeps its own worker is served, and all is true afterwards") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay(), .listener = "max_logins = 200", .pool = "maximum = 60"});
  std::atomic<bool> storming{true};
  std::atomic<int> served{0};
  std::atomic<int> cut{0};
  const auto visit = [&] {
    while (storming) {
      try {
        if (serves(usher)) ++served;
      } catch (const ClientError&) {
        ++cut;  // its own worker, login process or program was hit
      }
    }
  };
  Kills kills;
  {
    std::vector<std::future<void>> clients;
    for (int i = 0; i < 4; ++i) clients.push_back(std::async(std::launch::async, visit));
    try {
      kills = storm(usher);
    } catch (const std::exception& error) {
      FAIL_CHECK(std::string(error.what()));
    }
    storming = false;
  }
  MESSAGE("workers and what is below them: " << kills.below << ", services: " << kills.services << ", served: "
                                             << served.load() << ", cut: " << cut.load());
  CHECK(kills.below >= kKillsBelow);
  CHECK(kills.services >= kServiceKills);
  CHECK(served > 10);
  CHECK(wait_until([&] { return usher.service("usher-pool") != 0 && usher.service("usher-listener") != 0; }));
  CHECK(serves(usher));
  CHECK(wait_until([&] { return usher.is_calm(2); }, 20s));
  CHECK(usher.usher({"check", "--live"}).error_output == "");
}
