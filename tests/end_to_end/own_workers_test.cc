// Workers of one's own: a pool keeps a program running that takes connection after connection.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/installation.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

const std::string kHello = USHER_PROGRAMS "/http_hello";

// A listener "own" with a pool "own" of that program, beside the usual ones.
Setting own_pool(const std::string& program, const std::string& pool = "", const std::string& listener = "") {
  Setting setting;
  setting.more = "[[listener]]\nname = \"own\"\naddress = \"127.0.0.1:0\"\npool = \"own\"\n" + listener +
                 "\n[pool.own]\ncommand = [\"" + program + "\"]\nuser = \"" + usual_account() + "\"\n" + pool + "\n";
  return setting;
}

std::string get(const std::string& more = "") {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}

void expect_hello(Client& client) {
  CHECK(client.read_line() == "HTTP/1.1 200 OK");
  while (!client.read_line().empty()) continue;
  CHECK(client.read_line() == "hello");
}

void ask_once(const Installation& usher) {
  Client client(usher.address("own"));
  client.send(get("Connection: close\r\n"));
  expect_hello(client);
  client.expect_closed();
}

// Those that live.
std::vector<JobRow> own_jobs(const Installation& usher) {
  auto rows = usher.jobs();
  std::erase_if(rows, [](const JobRow& row) { return row.at("pool") != "own"; });
  return rows;
}

std::vector<JobRow> with_status(const Installation& usher, const std::string& status) {
  auto rows = own_jobs(usher);
  std::erase_if(rows, [&](const JobRow& row) { return row.at("status") != status; });
  return rows;
}

bool are_ready(const Installation& usher, std::size_t count) {
  return wait_until([&] { return with_status(usher, "ready").size() == count && own_jobs(usher).size() == count; });
}

std::ptrdiff_t descriptors_of(const std::string& pid) {
  const std::filesystem::directory_iterator all("/proc/" + pid + "/fd");
  return std::distance(begin(all), end(all));
}

std::uint64_t served(const JobRow& row) {
  return row.contains("served") ? std::stoull(row.at("served")) : 0;
}

std::uint64_t served_by_all(const Installation& usher) {
  std::uint64_t sum = 0;
  for (const JobRow& row : own_jobs(usher)) sum += served(row);
  return sum;
}

}  // namespace

TEST_CASE("own workers: a real HTTP client is served, with keep-alive, again and again by the same processes") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(own_pool(kHello, "initial = 2\nthreshold = 0\n"));
  const std::string url = "http://" + usher.address("own") + "/";
  const Result curl = run({"curl", "--silent", "--show-error", "--noproxy", "*", url, url, url});
  CHECK(curl.output == "hello\nhello\nhello\n");
  CHECK(curl.error_output == "");
  for (int i = 0; i < 20; ++i) ask_once(usher);
  CHECK(wait_until([&] { return served_by_all(usher) == 21; }));
  REQUIRE(are_ready(usher, 2));
  for (const JobRow& row : own_jobs(usher)) {
    CHECK(row.at("user") == usual_account());
    CHECK(row.at("program") == "http_hello");
    CHECK(run({"cat", "/proc/" + row.at("pid") + "/comm"}).output == "http_hello\n");
    CHECK(run({"stat", "--format=%U", "/proc/" + row.at("pid")}).output == usual_account() + "\n");
  }
}

TEST_CASE("own workers: the registry says who serves") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(own_pool(kHello, "initial = 2\nthreshold = 0\n"));
  Client client(usher.address("own"));
  client.send(get());
  expect_hello(client);
  CHECK(
      wait_until([&] { return with_status(usher, "active").size() == 1 && with_status(usher, "ready").size() == 1; }));
  client.close();
  CHECK(are_ready(usher, 2));
}

TEST_CASE("own workers: the program has its pool's user, a fresh environment and no descriptor but its own") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(own_pool(kHello, "initial = 1\nthreshold = 0\n"));
  const std::string process = "/proc/" + own_jobs(usher).at(0).at("pid");
  CHECK(descriptors_of(own_jobs(usher).at(0).at("pid")) == 6);  // the usual three, channel, page, and a channel's end
  std::ifstream file(process + "/environ", std::ios::binary);
  const std::string environment{std::istreambuf_iterator<char>(file), {}};
  CHECK(environment.find("USHER_POOL=own") != std::string::npos);
  CHECK(environment.find("USHER_TEST") == std::string::npos);
  for (const char* line : {"Groups:", "Uid:"}) {
    const std::string text = run({"grep", line, process + "/status"}).output;
    CAPTURE(text);
    if (::getuid() == 0) CHECK(text.find("\t0\t") == std::string::npos);
  }
}

TEST_CASE("own workers: one that is killed costs its own connection, and another takes its place") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(own_pool(kHello, "initial = 3\nthreshold = 3\nadditional = 1\n"));
  REQUIRE(are_ready(usher, 3));
  for (int i = 0; i < 3; ++i) {
    Client victim(usher.address("own"));
    victim.send(get());
    expect_hello(victim);
    std::vector<JobRow> active;
    REQUIRE(wait_until([&] { return (active = with_status(usher, "active")).size() == 1; }));
    const pid_t program = pid_of(active.at(0));
    // Its program, then the process above it, then both by way of the operator.
    if (i == 0) signal_to(program, SIGKILL);
    if (i == 1) signal_to(parent_of(program), SIGKILL);
    if (i == 2) usher.usher({"job", "end", active.at(0).at("job"), "--immediate"});
    CHECK(wait_until([&] { return ::kill(program, 0) != 0; }));
    try {
      victim.expect_closed();
    } catch (const ClientError&) {
      CHECK(victim.is_reset());
    }
    for (int j = 0; j < 5; ++j) ask_once(usher);
  }
  CHECK(wait_until([&] { return with_status(usher, "ready").size() >= 3; }));
}

TEST_CASE("own workers: clients that are too many wait in their order, and are closed when their time is over") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(
      own_pool(kHello, "initial = 1\nmaximum = 1\nthreshold = 0\n", "pending_timeout = \"600ms\"\n"));
  Client first(usher.address("own"));
  first.send(get());
  expect_hello(first);
  std::vector<Client> waiting;
  for (int i = 0; i < 150; ++i) waiting.emplace_back(usher.address("own"));
  for (Client& client : waiting) client.expect_closed();
  first.send(get());
  expect_hello(first);
  Client next(usher.address("own"));
  next.send(get("Connection: close\r\n"));
  first.close();
  expect_hello(next);
  ask_once(usher);
}

TEST_CASE("own workers: a listener that is killed loses no client that waits") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(own_pool(kHello, "initial = 1\nmaximum = 1\nthreshold = 0\n", "pending_timeout = \"20s\"\n"));
  Client first(usher.address("own"));
  first.send(get());
  expect_hello(first);
  std::vector<Client> waiting;
  for (int i = 0; i < 100; ++i) {  // more than the channel holds
    waiting.emplace_back(usher.address("own"));
    waiting.back().send(get("Connection: close\r\n"));
  }
  for (int i = 0; i < 2; ++i) {
    const pid_t before = usher.service("usher-listener");
    CHECK(waiting.back().is_silent(200ms));
    signal_to(before, SIGKILL);
    CHECK(wait_until([&] { return usher.has_new_service("usher-listener", before); }));
  }
  first.close();
  for (Client& client : waiting) {
    expect_hello(client);
    client.expect_closed();
  }
}

TEST_CASE("own workers: with wait = false a client that finds no idle worker is closed soon") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(
      own_pool(kHello, "initial = 1\nmaximum = 1\nthreshold = 0\nwait = false\n", "pending_timeout = \"1h\"\n"));
  Client first(usher.address("own"));
  first.send(get());
  expect_hello(first);
  for (int i = 0; i < 5; ++i) Client(usher.address("own")).expect_closed();
  first.close();
  CHECK(are_ready(usher, 1));
  ask_once(usher);
}

TEST_CASE("own workers: a connection that a worker has taken counts no more towards its address's limit") {
  Setting setting = own_pool(kHello, "initial = 1\nmaximum = 1\nthreshold = 0");
  setting.more += "[limits]\nexempt_networks = []\nconnections_per_address = 2\n";
  const Installation usher(setting);
  REQUIRE(are_ready(usher, 1));
  for (int i = 0; i < 50; ++i) ask_once(usher);

  Client taken(usher.address("own"));
  taken.send(get());
  expect_hello(taken);
  Client second(usher.address("own"));
  Client third(usher.address("own"));
  Client fourth(usher.address("own"));
  fourth.expect_closed();  // two wait already
  taken.close();
  second.send(get());
  expect_hello(second);
}

TEST_CASE("own workers: a stop that drains waits for the connection at hand, and says so") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher(own_pool(kHello, "initial = 3\nthreshold = 0\n"));
  Client client(usher.address("own"));
  client.send(get());
  expect_hello(client);
  Process stop({USHER_COMMAND, "stop", "--drain", "--config", usher.configuration()});
  CHECK(stop.wait_for_text("waiting for 1 running program\n"));
  Client(usher.address("own")).expect_closed();
  for (int i = 0; i < 4; ++i) {  // longer than those have who are to end at once
    CHECK_FALSE(stop.wait_for_end(2s));
    client.send(get());
    expect_hello(client);
  }
  client.send(get("Connection: close\r\n"));
  expect_hello(client);
  client.expect_closed();
  CHECK(stop.wait().code == 0);
  CHECK(usher.process().wait().code == 0);
}

TEST_CASE("own workers: after max_use connections a worker makes room for another") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(own_pool(kHello, "initial = 1\nthreshold = 1\nadditional = 1\nmax_use = 3\n"));
  for (int i = 0; i < 12; ++i) ask_once(usher);
  const auto ended = [&] {
    const auto all = usher.jobs(true);
    return std::count_if(all.begin(), all.end(),
                         [](const JobRow& row) { return row.at("pool") == "own" && row.contains("end"); });
  };
  CHECK(wait_until([&] { return ended() >= 3; }));
  for (const JobRow& row : usher.jobs(true)) {
    if (row.at("pool") == "own" && row.contains("end")) CHECK(row.at("end") == "normal");
  }
  ask_once(usher);
}

TEST_CASE("own workers: a reload, a new pool and a new listener lose nobody") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Setting setting = own_pool(kHello, "initial = 3\nthreshold = 1\n");
  const Installation usher(setting);
  const pid_t before = pid_of(own_jobs(usher).at(0));
  for (const char* what : {"reload", "usher-pool", "usher-listener"}) {
    INFO(std::string(what));
    Client served(usher.address("own"));
    served.send(get());
    expect_hello(served);
    if (std::string(what) == "reload") {
      CHECK(usher.reload().ending.code == 0);
    } else {
      signal_to(usher.service(what), SIGKILL);
    }
    for (int i = 0; i < 10; ++i) ask_once(usher);
    served.send(get("Connection: close\r\n"));
    expect_hello(served);
    served.expect_closed();
  }
  CHECK(wait_until([&] { return ::kill(before, 0) != 0; }));
  CHECK(wait_until([&] { return with_status(usher, "ready").size() >= 3; }));
}

TEST_CASE("own workers: a program that cannot start, or ends at once, is tried again with pauses") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
  const std::string script = directory.write("worker", "#!/bin/sh\nexit 3\n");
  std::filesystem::permissions(script, std::filesystem::perms(0755));
  Setting setting = own_pool(kHello, "initial = 1\nthreshold = 1\nadditional = 1\n");
  Installation usher(setting);
  ask_once(usher);
  usher.rewrite(own_pool(script, "initial = 0\nthreshold = 1\nadditional = 1\n"));
  CHECK(usher.reload().ending.code == 0);
  CHECK(usher.wait_for_log("pool_paused"));
  std::filesystem::copy_file(kHello, directory.path("new"));
  std::filesystem::permissions(directory.path("new"), std::filesystem::perms(0755));
  std::filesystem::rename(directory.path("new"), script);
  ask_once(usher);
}

TEST_CASE("own workers: nothing is left over after kills, and all is gone after a stop") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Setting setting = steady(own_pool(kHello, "initial = 4\nthreshold = 4\nadditional = 1\nmaximum = 4\n"));
  pid_t program = 0;
  {
    const Installation usher(setting);
    REQUIRE(are_ready(usher, 4));
    const auto descriptors = [&] {
      return descriptors_of(std::to_string(usher.service("usher-pool"))) +
             descriptors_of(std::to_string(usher.service("usher-listener")));
    };
    ask_once(usher);
    const std::ptrdiff_t before = descriptors();
    for (int i = 0; i < 10; ++i) {
      // Kills may be faster than the pool, which has each start wait longer.
      REQUIRE(wait_until([&] { return !with_status(usher, "ready").empty(); }));
      const pid_t victim = pid_of(with_status(usher, "ready").at(0));
      signal_to(victim, SIGKILL);
      REQUIRE(wait_until([&] { return ::kill(victim, 0) != 0; }));  // one that is dying may still get a connection
      ask_once(usher);
      REQUIRE(wait_until([&] {
        const auto rows = own_jobs(usher);
        return std::none_of(rows.begin(), rows.end(), [&](const JobRow& row) { return pid_of(row) == victim; });
      }));
    }
    REQUIRE(are_ready(usher, 4));
    CHECK(wait_until([&] { return descriptors() == before; }));
    program = pid_of(own_jobs(usher).at(0));
  }
  CHECK(::kill(program, 0) != 0);
}
