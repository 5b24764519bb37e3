// Every limit holds under a rush, says so to whoever is one too many, and gives way again when somebody leaves.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <array>

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

constexpr int kRush = 50;

std::string stay(const std::string& name, const std::string& keys = "") {
  return shell_program(name, "exec cat", keys);
}

// Brings a client to the choice of its program.
void log_in_to_choice(Client& client, const std::string& user) {
  client.answer(100, user);
  client.answer(101, user + "-secret");
  client.expect_line(102);
}

struct Rush {
  std::vector<Client> in;
  int refused = 0;
};

// All of them ask for the program at the same moment.
Rush rush(const Installation& usher, const std::string& program, const std::vector<std::string>& users) {
  std::vector<Client> clients;
  for (const std::string& user : users) {
    clients.emplace_back(usher.address());
    log_in_to_choice(clients.back(), user);
  }
  for (Client& client : clients) client.send_line(program);
  Rush result;
  for (Client& client : clients) {
    const std::string line = client.read_line();
    if (line.starts_with("110 ")) {
      result.in.push_back(std::move(client));
    } else if (line.starts_with("910 ")) {
      client.expect_closed();
      ++result.refused;
    }
  }
  return result;
}

void leave(Client& client) {
  client.finish_sending();
  client.read_until_closed();
}

// A place is free again when the worker that had it is gone.
bool gets_in(const Installation& usher, const std::string& program, const std::string& user) {
  return wait_until([&] {
    Client client(usher.address());
    log_in_to_choice(client, user);
    client.send_line(program);
    return client.read_line().starts_with("110 ");
  });
}

std::size_t count(const std::vector<JobRow>& jobs, const std::string& status) {
  return static_cast<std::size_t>(std::count_if(jobs.begin(), jobs.end(), [&](const JobRow& job) {
    return job.at("kind") == "worker" && job.at("status") == status;
  }));
}

bool settles(const Installation& usher, std::size_t ready, std::size_t login) {
  return wait_until([&] {
    const auto jobs = usher.jobs();
    return count(jobs, "ready") == ready && count(jobs, "login") == login && jobs.size() == 2 + ready + login;
  });
}

long memory_kb(pid_t pid) {
  return std::stol(status_of(pid, "VmRSS"));
}

}  // namespace

TEST_CASE(
    "limits: sessions of a listener, of a program, of a user in a program: exactly as many, however many ask at once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Case {
    const char* name;
    Setting setting;
    std::size_t most;
  };
  for (const Case& limit :
       {Case{"listener", {.programs = stay("stay"), .listener = "max_sessions = 5"}, 5},
        Case{"program", {.programs = stay("stay", "max_sessions = 3")}, 3},
        Case{"user", {.programs = stay("stay", "max_sessions_per_user = 4\nmax_sessions = 50")}, 4}}) {
    CAPTURE(limit.name);
    const Installation usher(steady(limit.setting));
    const Holdings before = holdings_of(usher);
    {
      Rush rushed = rush(usher, "stay", std::vector<std::string>(kRush, usual_account()));
      CHECK(rushed.in.size() == limit.most);
      CHECK(rushed.refused == kRush - static_cast<int>(limit.most));
      leave(rushed.in.back());
      rushed.in.pop_back();
      CHECK(gets_in(usher, "stay", usual_account()));
      CHECK(wait_until([&] { return usher.jobs_with("end", "refused 910").size() >= kRush - limit.most; }));
    }
    CHECK(comes_back_to(usher, before));
  }
}

TEST_CASE("limits: one user's sessions do not use up another's, nor one program's another's") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = stay("stay", "max_sessions_per_user = 2") + stay("other", "max_sessions = 1")});
  std::vector<std::string> users;
  for (int i = 0; i < kRush / 2; ++i) users.insert(users.end(), {"normal", "second"});
  const Rush rushed = rush(usher, "stay", users);
  CHECK(rushed.in.size() == 4);
  CHECK(rush(usher, "other", {"normal", "second"}).in.size() == 1);
}

TEST_CASE(
    "limits: with max_logins and 300 connections that say nothing the others are served, and who makes way hears 904") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  constexpr std::size_t kSilent = 300;
  constexpr std::size_t kMost = 100;
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  const std::vector<pid_t> services{usher.starter(), usher.service("usher-pool"), usher.service("usher-listener")};
  std::vector<long> memory;
  for (const pid_t pid : services) memory.push_back(memory_kb(pid));
  {
    Visitors visitors(usher.address(), 2, "127.0.1.1");
    std::vector<Client> silent;
    for (std::size_t i = 0; i < kSilent; ++i) silent.emplace_back(usher.address());
    for (std::size_t i = 0; i < kSilent - kMost; ++i) {
      const std::string heard = silent[i].read_until_closed();
      CHECK(heard.find("904 ") != std::string::npos);
      silent[i].close();
    }
    CHECK(wait_until([&] { return visitors.served() > 10; }));
    for (std::size_t i = 0; i < services.size() && !kSanitized; ++i) CHECK(memory_kb(services[i]) - memory[i] < 6'000);
    CHECK(descendants_of(usher.starter()).size() < 4 * (kMost + 2 + kSteadyWorkers));
    const Visitors::Tally tally = visitors.stop();
    CHECK(tally.failed == 0);
    CHECK(tally.failure == "");
    silent.back().expect_line(100);
  }
  CHECK(usher.log().find("login_evicted listener=generic network=127.0.0.0/24") != std::string::npos);
  CHECK(usher.log().find("login_evicted listener=generic network=127.0.1.0/24") == std::string::npos);
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("limits: who makes way hears 904 also when its worker does not move") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho, .listener = "max_logins = 1"});
  Client first(usher.address());
  first.answer(100, usual_account());
  first.expect_line(101);
  const pid_t worker = worker_of(usher, first);
  const std::array<pid_t, 2> stopped{worker, children_of(worker).at(0).pid};
  for (const pid_t pid : stopped) CHECK(signal_to(pid, SIGSTOP));
  Client second(usher.address());
  first.expect_line(904);
  first.expect_closed();
  second.expect_line(100);
  for (const pid_t pid : stopped) CHECK(signal_to(pid, SIGCONT));
}

TEST_CASE(
    "limits: a client that no worker has time for hears 910 after pending_timeout, or at once where none may wait") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Case {
    std::string keys;
    std::string pending_timeout;
    Time::duration least, most;
  };
  for (const Case& pool : {Case{"wait = true", "1s", 1s, 20s}, Case{"wait = false", "1h", 0s, 20s}}) {
    CAPTURE(pool.keys);
    const Installation usher({.programs = kWho,
                              .listener = "pending_timeout = \"" + pool.pending_timeout + "\"",
                              .pool = "maximum = 1\ninitial = 1\nthreshold = 1\n" + pool.keys});
    std::optional<Client> first(usher.address());
    first->expect_line(100);
    for (int i = 0; i < 3; ++i) {
      const auto began = Time::now();
      Client next(usher.address());
      next.expect_line(910);
      next.expect_closed();
      CHECK(Time::now() - began >= pool.least);
      CHECK(Time::now() - began < pool.most);
    }
    first.reset();
    CHECK(wait_until([&] {
      Client next(usher.address());
      return next.read_line().starts_with("100 ");
    }));
  }
}

TEST_CASE("limits: at its maximum a pool starts nobody, and a client that may wait is served when a worker ends") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay("stay") + kWho, .pool = "maximum = 3\ninitial = 1\nthreshold = 1"});
  std::vector<Client> inside;
  for (int i = 0; i < 3; ++i) {
    inside.emplace_back(usher.address());
    log_in(inside.back(), usual_account(), "stay");
  }
  Client waiting(usher.address());
  CHECK(waiting.is_silent(300ms));
  CHECK(usher.jobs().size() == 2 + 3);
  leave(inside[1]);
  log_in(waiting, usual_account(), "who");
  CHECK(waiting.read_line() == usual_account());
}

TEST_CASE("limits: whoever takes longer than login_timeout hears 904, wherever the login stands") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho, .listener = "login_timeout = \"1s\"\nlogin_tries = 20"}));
  const Holdings before = holdings_of(usher);
  {
    std::vector<Client> clients;
    const auto began = Time::now();
    for (int i = 0; i < 5; ++i) clients.emplace_back(usher.address());
    clients[1].send("half a na");
    clients[2].send_line(usual_account());
    clients[3].send_line(usual_account());
    clients[3].send_line(usual_account() + "-secret");
    clients[4].send_line(usual_account());
    clients[4].send_line("wrong");
    for (Client& client : clients) {
      const std::string heard = client.read_until_closed();
      CHECK(heard.find("904 ") != std::string::npos);
      CHECK(Time::now() - began >= 1s);
    }
    CHECK(Time::now() - began < 5s);
  }
  CHECK(comes_back_to(usher, before));
  CHECK(usher.jobs_with("end", "refused 904").size() == 5);
}

TEST_CASE("limits: a pool keeps initial, threshold, additional and maximum as a prestart job entry does") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho, .pool = "initial = 4\nthreshold = 3\nadditional = 2\nmaximum = 7"});
  CHECK(settles(usher, 4, 0));
  std::vector<Client> clients;
  const auto connect = [&] {
    clients.emplace_back(usher.address());
    clients.back().expect_line(100);
  };
  connect();
  CHECK(settles(usher, 3, 1));  // not below the threshold
  connect();
  CHECK(settles(usher, 4, 2));  // 2, so two more
  connect();
  CHECK(settles(usher, 3, 3));
  connect();
  CHECK(settles(usher, 3, 4));  // 2, and room for one more only
  connect();
  CHECK(settles(usher, 2, 5));
  clients.clear();
  CHECK(wait_until([&] { return count(usher.jobs(), "ready") >= 3; }));
}

TEST_CASE("limits: after a rush workers that nobody needs any more end, down to what the pool keeps") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared"}) {
    CAPTURE(road);
    const Installation usher({.programs = kWho,
                              .listener = "dispatch = \"" + road + "\"",
                              .pool = "initial = 2\nthreshold = 1\nadditional = 8\nidle_time = \"500ms\""});
    std::vector<Client> clients;
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back(usher.address());
      clients.back().expect_line(100);
    }
    clients.clear();
    CHECK(wait_until([&] { return usher.jobs_with("end", "retired").size() >= 3; }));
    CHECK(settles(usher, 2, 0));
    CHECK(run_program(usher.address(), usual_account(), "who").starts_with(usual_account()));
  }
}

TEST_CASE("limits: after a burst the threshold is reached again, however few are started at a time") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho, .pool = "initial = 6\nthreshold = 6\nadditional = 1"});
  for (int round = 0; round < 5; ++round) {
    std::vector<Client> clients;
    for (int i = 0; i < 6; ++i) clients.emplace_back(usher.address());
    for (Client& client : clients) client.expect_line(100);
    clients.clear();
    CHECK(settles(usher, 6, 0));
  }
}
