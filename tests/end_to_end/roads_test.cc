// The three roads of a client to its worker look the same from outside, whatever is killed, full or late.
#include <doctest/doctest.h>
#include <signal.h>

#include <thread>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> kRoads{"queue", "shared", "spawn"};

std::string by(const std::string& road, const std::string& keys = "") { return "dispatch = \"" + road + "\"\n" + keys; }

std::string second_listener(const std::string& road) {
  return "[[listener]]\nname = \"second\"\npool = \"generic\"\naddress = \"127.0.0.1:0\"\n" + by(road);
}

std::string stay() { return shell_program("stay", "exec cat") + kWho; }

std::vector<pid_t> idle_workers(const Installation& usher) {
  std::vector<pid_t> pids;
  for (const JobRow& row : usher.jobs_with("status", "ready")) pids.push_back(static_cast<pid_t>(std::stol(row.at("pid"))));
  return pids;
}

void signal_all(const std::vector<pid_t>& pids, int signal) {
  for (const pid_t pid : pids) ::kill(pid, signal);
}

bool serves(const Installation& usher, const std::string& listener = "generic") {
  return run_program(usher.address(listener), usual_account(), "who").starts_with(usual_account());
}

// As many as the pool of that road keeps when nothing happens.
std::size_t kept(const std::string& road, std::size_t ready) { return road == "spawn" ? 0 : ready; }

void leave(Client& client) {
  client.finish_sending();
  client.read_until_closed();
}

}  // namespace

TEST_CASE("roads: every road serves one client after the other, over TCP and unix sockets") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string& road : kRoads) {
    CAPTURE(road);
    const TemporaryDirectory sockets;
    const Installation usher({.programs = stay(),
                              .listener = by(road),
                              .more = "[[listener]]\nname = \"local\"\npool = \"generic\"\n" + by(road) +
                                      "address = \"unix:" + sockets.path("door") + "\"\n"});
    for (int i = 0; i < 8; ++i) CHECK(serves(usher));
    for (int i = 0; i < 4; ++i) CHECK(serves(usher, "local"));
    CHECK(wait_until([&] { return usher.jobs_with("end", "normal").size() == 12; }));
    CHECK(wait_until([&] { return usher.is_calm(kept(road, 2)); }));
    CHECK(usher.jobs_with("status", "ready").empty() == (road == "spawn"));
  }
}

TEST_CASE("roads: workers that are killed before they take their client lose nobody") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared"}) {
    CAPTURE(road);
    const Installation usher({.programs = stay(), .listener = by(road), .pool = "initial = 2"});
    const std::vector<pid_t> workers = idle_workers(usher);
    REQUIRE(workers.size() == 2);
    signal_all(workers, SIGSTOP);
    std::vector<Client> clients;
    for (int i = 0; i < 2; ++i) clients.emplace_back(usher.address());
    if (road == "queue") CHECK(wait_until([&] { return usher.jobs_with("status", "assigned").size() == 2; }));
    signal_all(workers, SIGKILL);
    for (Client& client : clients) {
      log_in(client, usual_account(), "who");
      CHECK(client.read_line() == usual_account());
    }
  }
}

TEST_CASE("roads: the first prompt does not wait for the worker to wake up, and comes once, whoever dies meanwhile") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay(), .listener = by("queue"), .pool = "initial = 2"});
  const std::vector<pid_t> workers = idle_workers(usher);
  REQUIRE(workers.size() == 2);
  signal_all(workers, SIGSTOP);
  Client client(usher.address());
  client.expect_line(100);
  signal_all(workers, SIGKILL);
  client.send_line(usual_account());
  client.answer(101, usual_account() + "-secret");
  client.answer(102, "who");
  client.expect_line(110);
  CHECK(client.read_line() == usual_account());
}

TEST_CASE("roads: a client whose time is over hears 910, and the worker that finds it later serves the next one") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared"}) {
    CAPTURE(road);
    const Installation usher({.programs = stay(),
                              .listener = by(road, "pending_timeout = \"700ms\"\n"),
                              .pool = "initial = 2\nmaximum = 2\nthreshold = 2\nadditional = 1"});
    const std::vector<pid_t> workers = idle_workers(usher);
    REQUIRE(workers.size() == 2);
    signal_all(workers, SIGSTOP);
    for (int i = 0; i < 3; ++i) {
      Client late(usher.address());
      if (road == "queue" && i < 2) late.expect_line(100);  // there was a worker that was ready
      late.expect_line(910);
      late.expect_closed();
    }
    signal_all(workers, SIGCONT);
    CHECK(serves(usher));
    CHECK(wait_until([&] { return usher.is_calm(2); }));
    if (road == "shared") CHECK(is_running(workers[0]) != is_running(workers[1]));  // one served, the other found nobody
  }
}

TEST_CASE("roads: clients wait in order of arrival until a worker may exist, and not past their time") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string& road : kRoads) {
    CAPTURE(road);
    const Installation usher({.programs = stay(),
                              .listener = by(road, "pending_timeout = \"20s\"\n"),
                              .pool = "initial = 1\nmaximum = 1\nthreshold = 1\nadditional = 1"});
    Client inside(usher.address());
    log_in(inside, usual_account(), "stay");
    Client second(usher.address());
    Client third(usher.address());
    leave(inside);
    inside.close();
    log_in(second, usual_account(), "stay");
    CHECK(third.is_silent(50ms));
    leave(second);
    second.close();
    log_in(third, usual_account(), "who");
    CHECK(third.read_line() == usual_account());
  }
}

TEST_CASE("roads: who leaves the line without a word makes way at once; who has spoken waits for the answer") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string& road : kRoads) {
    CAPTURE(road);
    const Installation usher({.programs = stay(),
                              .listener = by(road, "pending_timeout = \"600s\"\n"),
                              .pool = "initial = 1\nmaximum = 1\nthreshold = 1\nadditional = 1"});
    Client inside(usher.address());
    log_in(inside, usual_account(), "stay");
    Client spoken(usher.address());
    for (const std::string& word : {usual_account(), usual_account() + "-secret", std::string("who")}) spoken.send_line(word);
    spoken.finish_sending();
    std::vector<Client> leavers;
    for (int i = 0; i < 50; ++i) leavers.emplace_back(usher.address()).finish_sending();
    for (Client& leaver : leavers) {
      leaver.expect_line(910);
      leaver.expect_closed();
    }
    for (int i = 0; i < 50; ++i) Client(usher.address()).reset();
    leave(inside);
    inside.close();
    CHECK(spoken.read_until_closed().find("\n" + usual_account() + "\n") != std::string::npos);
    CHECK(serves(usher));
    spoken.close();
    CHECK(wait_until([&] { return usher.is_calm(kept(road, 1)); }));
    CHECK(usher.usher({"check", "--live"}).error_output == "");
  }
}

TEST_CASE("roads: a listener that is killed loses no client that waits, and they wait on in their order and within their time") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string& road : kRoads) {
    CAPTURE(road);
    const Installation usher({.programs = stay(),
                              .listener = by(road, "pending_timeout = \"6s\"\n"),
                              .pool = "initial = 1\nmaximum = 1\nthreshold = 1\nadditional = 1"});
    Client inside(usher.address());
    log_in(inside, usual_account(), "stay");
    std::vector<Client> waiting;
    for (int i = 0; i < 40; ++i) waiting.emplace_back(usher.address());
    for (int i = 0; i < 2; ++i) {
      const pid_t before = usher.service("usher-listener");
      CHECK(waiting.back().is_silent(100ms));
      ::kill(before, SIGKILL);
      CHECK(wait_until([&] { return usher.has_new_service("usher-listener", before); }));
    }
    Client late(usher.address());
    leave(inside);
    inside.close();
    for (int i = 0; i < 3; ++i) {
      Client& next = waiting.at(static_cast<std::size_t>(i));
      log_in(next, usual_account(), "stay");
      CHECK(waiting.at(static_cast<std::size_t>(i) + 1).is_silent(50ms));
      leave(next);
      next.close();
    }
    Client& holder = waiting.at(3);
    log_in(holder, usual_account(), "stay");
    for (std::size_t i = 20; i < waiting.size(); ++i) {  // those before may have been sent to workers already
      waiting.at(i).expect_line(910);
      waiting.at(i).expect_closed();
    }
    late.expect_line(910);
  }
}

TEST_CASE("roads: a client that is on its way to a worker when the listener dies is that worker's") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared"}) {
    CAPTURE(road);
    const Installation usher({.programs = stay(), .listener = by(road), .pool = "initial = 1\nmaximum = 1\nthreshold = 1\nadditional = 1"});
    const std::vector<pid_t> workers = idle_workers(usher);
    REQUIRE(workers.size() == 1);
    signal_all(workers, SIGSTOP);
    Client client(usher.address());
    if (road == "queue") CHECK(wait_until([&] { return usher.jobs_with("status", "assigned").size() == 1; }));
    if (road == "shared") std::this_thread::sleep_for(100ms);
    const pid_t before = usher.service("usher-listener");
    ::kill(before, SIGKILL);
    CHECK(wait_until([&] { return usher.has_new_service("usher-listener", before); }));
    signal_all(workers, SIGCONT);
    log_in(client, usual_account(), "who");
    CHECK(client.read_line() == usual_account());
    CHECK(is_running(workers[0]));
  }
}

TEST_CASE("roads: with wait = false every client that finds no worker hears 910 at once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string& road : kRoads) {
    CAPTURE(road);
    const Installation usher({.programs = stay(),
                              .listener = by(road, "pending_timeout = \"1h\"\n"),
                              .pool = "initial = 1\nmaximum = 1\nthreshold = 1\nadditional = 1\nwait = false"});
    Client inside(usher.address());
    log_in(inside, usual_account(), "stay");
    for (int i = 0; i < 3; ++i) {
      Client refused(usher.address());
      refused.expect_line(910);
      refused.expect_closed();
    }
    leave(inside);
    inside.close();
    CHECK(wait_until([&] { return usher.is_calm(kept(road, 1)); }));
    CHECK(serves(usher));
  }
}

TEST_CASE("roads: one pool may serve several listeners by the shared road") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay(),
                            .listener = by("shared"),
                            .more = second_listener("shared")});
  Visitors first(usher.address(), 2);
  Visitors second(usher.address("second"), 2);
  CHECK(wait_until([&] { return first.served() > 10 && second.served() > 10; }));
  const Visitors::Tally one = first.stop();
  const Visitors::Tally other = second.stop();
  CHECK_MESSAGE(one.failed == 0, one.failure);
  CHECK_MESSAGE(other.failed == 0, other.failure);
}

TEST_CASE("roads: a pool that dies with its idle workers costs no client, nor does a listener that comes back") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string& road : kRoads) {
    CAPTURE(road);
    const Installation usher({.programs = stay(), .listener = by(road)});
    Client inside(usher.address());
    log_in(inside, usual_account(), "stay");
    for (const char* name : {"usher-pool", "usher-listener", "usher-pool"}) {
      const pid_t before = usher.service(name);
      ::kill(before, SIGKILL);
      CHECK(serves(usher));
      CHECK(wait_until([&] { return usher.service(name) != 0 && usher.service(name) != before; }));
    }
    inside.send_line("still here");
    CHECK(inside.read_line() == "still here");
    leave(inside);
    inside.close();
    CHECK(wait_until([&] { return usher.is_calm(kept(road, 2)); }));
  }
}

TEST_CASE("roads: under load idle workers are killed, and nothing is left over") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"shared", "spawn"}) {
    CAPTURE(road);
    const Installation usher(steady({.programs = stay(), .listener = by(road)}));
    const Kept kept{road == "shared" ? kSteadyWorkers : 0, 0};
    const Holdings before = holdings_of(usher, kept);
    Visitors visitors(usher.address(), 3);
    for (int round = 0; round < 20; ++round) {
      const std::vector<pid_t> idle = idle_workers(usher);
      if (!idle.empty()) ::kill(idle.front(), SIGKILL);
      std::this_thread::sleep_for(20ms);
    }
    const Visitors::Tally tally = visitors.stop();
    CHECK(tally.served > 10);
    CHECK(comes_back_to(usher, before, kept));
  }
}

TEST_CASE("roads: a reload that changes the road moves clients and workers to it") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = stay(), .listener = by("queue")});
  Visitors visitors(usher.address(), 2);
  for (const char* road : {"shared", "spawn", "shared", "queue", "spawn", "queue"}) {
    usher.rewrite({.programs = stay(), .listener = by(road)});
    const Result reloaded = usher.reload();
    CHECK_MESSAGE(reloaded.ending.code == 0, reloaded.error_output);
    const int served = visitors.served();
    CHECK(wait_until([&] { return visitors.served() > served + 4; }));
  }
  const Visitors::Tally tally = visitors.stop();
  CHECK_MESSAGE(tally.failed == 0, tally.failure);
  const bool calm = wait_until([&] { return usher.is_calm(2); });
  CHECK_MESSAGE(calm, usher.usher({"jobs"}).output);
}

TEST_CASE("roads: listeners of one pool that disagree on the road are a fault") {
  const TemporaryDirectory directory;
  const std::string file = write_configuration(
      directory, {.programs = stay(),
                  .listener = by("shared"),
                  .more = second_listener("spawn")});
  const Result checked = run({USHER_COMMAND, "check", "--config", file});
  CHECK(checked.ending.code == 1);
  CHECK(checked.error_output.find("another dispatch") != std::string::npos);
}
