// Limits before the password, seen by clients: who asks for too much hears 911, everybody else notices nothing, and it
// passes.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

std::string stay() { return shell_program("stay", "exec cat"); }

// Loopback is what there is to come from, so it is not exempt here.
std::string limits(const std::string& keys) { return "\n[limits]\nexempt_networks = []\n" + keys; }

// What a client hears first.
int first_code(const Installation& usher, const std::string& from) {
  Client client(usher.address(), from);
  const std::string line = client.read_line();
  if (line.starts_with("911 ")) client.expect_closed();
  return std::stoi(line);
}

bool is_let_in(const Installation& usher, const std::string& from) {
  return wait_until([&] { return first_code(usher, from) == 100; });
}

// Wrong passwords on one connection, until it is closed.
void fail(const Installation& usher, const std::string& user, const std::string& from, int times) {
  for (int i = 0; i < times; ++i) {
    Client client(usher.address(), from);
    client.answer(100, user);
    client.answer(101, "wrong");
    client.expect_line(900);
  }
}

int code_for_name(const Installation& usher, const std::string& user, const std::string& from) {
  Client client(usher.address(), from);
  client.answer(100, user);
  return std::stoi(client.read_line());
}

std::vector<Row> listed(const Installation& usher) {
  const Result result = usher.usher({"limits", "--json"});
  REQUIRE(result.ending.code == 0);
  std::vector<Row> rows;
  std::size_t at = 0;
  while (at < result.output.size()) {
    const std::size_t end = result.output.find('\n', at);
    Row row;
    const std::string line = result.output.substr(at, end - at);
    for (const char* key : {"kind", "name", "reason", "refused"}) {
      const std::string mark = std::string("\"") + key + "\":";
      std::size_t begin = line.find(mark);
      if (begin == std::string::npos) continue;
      begin += mark.size();
      const bool quoted = line[begin] == '"';
      const std::size_t stop = quoted ? line.find('"', begin + 1) : line.find_first_of(",}", begin);
      std::string value = line.substr(begin + (quoted ? 1 : 0), stop - begin - (quoted ? 1 : 0));
      std::erase(value, '\\');
      row[key] = value;
    }
    rows.push_back(row);
    at = end + 1;
  }
  return rows;
}

// As one that was refused.
bool lists(const Installation& usher, const std::string& kind, const std::string& name) {
  const auto rows = listed(usher);
  return std::any_of(rows.begin(), rows.end(),
                     [&](Row row) { return row["kind"] == kind && row["name"] == name && row["refused"] != "0"; });
}

int forget(const Installation& usher, const std::string& what) {
  const Result result = usher.usher({"limits", "forget", what});
  CAPTURE(result.error_output);
  REQUIRE(result.ending.code);
  return *result.ending.code;
}

}  // namespace

TEST_CASE("client limits: connections at one time, sessions among them; who leaves makes room at once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string keys = "connections_per_address = 3\nconnections_per_network = 4\n";
  const Installation usher(steady({.programs = stay(), .more = limits(keys)}));
  std::vector<Client> inside;
  for (int i = 0; i < 2; ++i) inside.emplace_back(usher.address(), "127.0.2.1").expect_line(100);
  inside.emplace_back(usher.address(), "127.0.2.1");
  log_in(inside.back(), usual_account(), "stay");
  CHECK(first_code(usher, "127.0.2.1") == 911);
  inside.emplace_back(usher.address(), "127.0.2.2").expect_line(100);
  CHECK(first_code(usher, "127.0.2.3") == 911);  // the network has four
  CHECK(first_code(usher, "127.0.3.1") == 100);
  inside.pop_back();
  CHECK(is_let_in(usher, "127.0.2.3"));
  CHECK(first_code(usher, "127.0.2.1") == 911);
  inside.back().finish_sending();  // the session
  inside.back().read_until_closed();
  CHECK(is_let_in(usher, "127.0.2.1"));
  CHECK(wait_until([&] { return lists(usher, "address", "127.0.2.1") && lists(usher, "network", "127.0.2.0/24"); }));
  CHECK(lists(usher, "reason", "connections"));
}

TEST_CASE("client limits: new connections a minute") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho, .more = limits("rate_per_address = 5\n")}));
  for (int i = 0; i < 5; ++i) CHECK(first_code(usher, "127.0.2.1") == 100);
  CHECK(first_code(usher, "127.0.2.1") == 911);
  CHECK(first_code(usher, "127.0.2.2") == 100);
  CHECK(forget(usher, "127.0.2.1") == 0);
  CHECK(first_code(usher, "127.0.2.1") == 100);
}

TEST_CASE("client limits: failed logins bring a penalty that is listed, outlives the listener, and passes") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string keys = "failures_per_address = 2\npenalty = \"1h\"\nlongest_penalty = \"1h\"\n";
  const Installation usher(steady({.programs = kWho, .more = limits(keys)}));
  fail(usher, "no-such-user", "127.0.2.1", 1);
  fail(usher, usual_account(), "127.0.2.1", 2);
  CHECK(first_code(usher, "127.0.2.1") == 911);
  CHECK(first_code(usher, "127.0.2.2") == 100);
  CHECK(wait_until([&] { return lists(usher, "address", "127.0.2.1"); }));

  const pid_t listener = usher.service("usher-listener");
  ::kill(listener, SIGKILL);
  CHECK(wait_until([&] { return !is_running(listener) && is_running(usher.service("usher-listener")); }));
  CHECK(first_code(usher, "127.0.2.1") == 911);

  CHECK(forget(usher, "127.0.2.9") == 0);
  CHECK(lists(usher, "address", "127.0.2.1"));
  CHECK(forget(usher, "127.0.2.1") == 0);
  CHECK_FALSE(lists(usher, "address", "127.0.2.1"));
  CHECK(first_code(usher, "127.0.2.1") == 100);
}

TEST_CASE("client limits: a penalty ends by itself") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string keys = "failures_per_address = 2\npenalty = \"1s\"\nlongest_penalty = \"1s\"\nfailure_memory = \"1s\"\n";
  const Installation usher(steady({.programs = kWho, .more = limits(keys)}));
  fail(usher, usual_account(), "127.0.2.1", 3);
  CHECK(first_code(usher, "127.0.2.1") == 911);
  CHECK(is_let_in(usher, "127.0.2.1"));
}

TEST_CASE("client limits: an account under attack is closed to strangers, there or not, and open to its owner") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string keys = "failures_per_account = 3\npenalty = \"1h\"\nlongest_penalty = \"1h\"\n";
  const Installation usher(steady({.programs = kWho, .more = limits(keys)}));
  {
    Client owner(usher.address(), "127.0.5.5");
    log_in(owner, usual_account(), "who");
    owner.read_until_closed();
  }
  for (const std::string& name : {usual_account(), std::string("no-such-user")}) {
    for (int i = 0; i < 4; ++i) fail(usher, name, "127.0.2." + std::to_string(i + 1), 1);
    CHECK(code_for_name(usher, name, "127.0.3.1") == 911);
    CHECK(code_for_name(usher, "another", "127.0.3.1") == 101);
  }
  {
    Client owner(usher.address(), "127.0.5.5");
    log_in(owner, usual_account(), "who");
    CHECK(owner.read_line() == usual_account());
  }
  CHECK(wait_until([&] { return lists(usher, "account", "no-such-user"); }));
  CHECK(forget(usher, "all") == 0);
  CHECK(code_for_name(usher, usual_account(), "127.0.3.1") == 101);
}

TEST_CASE("client limits: behind a proxy they are its client's, and the proxy itself is not limited") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho,
                                   .listener = "proxy_networks = [\"127.0.0.0/8\"]",
                                   .more = limits("connections_per_address = 2\n")}));
  const auto connect = [&](const std::string& client) {
    Client proxy(usher.address());
    proxy.send("PROXY TCP4 " + client + " 198.51.100.1 40112 4000\r\n");
    return proxy;
  };
  std::vector<Client> inside;
  for (const char* client : {"192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.9"}) {
    inside.push_back(connect(client));
    inside.back().expect_line(100);
  }
  Client refused = connect("192.0.2.7");
  refused.expect_line(911);
  refused.expect_closed();
  inside.erase(inside.begin());
  CHECK(wait_until([&] { return connect("192.0.2.7").read_line().starts_with("100 "); }));
}

TEST_CASE("client limits: a flood of connections is turned away, and others are served meanwhile") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string keys = "connections_per_address = 10\nrate_per_address = 20\nrate_per_network = 0\n";
  const Installation usher(steady({.programs = kWho, .more = limits(keys)}));
  const Holdings before = holdings_of(usher);
  {
    Visitors visitors(usher.address(), 1, "127.0.6.1");
    int refused = 0;
    for (int i = 0; i < 500; ++i) refused += first_code(usher, "127.0.2.1") == 911 ? 1 : 0;
    CHECK(refused > 400);
    const Visitors::Tally tally = visitors.stop();
    CHECK(tally.served > 0);
  }
  CHECK(comes_back_to(usher, before));
  CHECK(wait_until([&] { return lists(usher, "address", "127.0.2.1"); }));
}

TEST_CASE("reserved places: an administrator gets in where max_logins is full, and is not evicted") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho,
                                   .listener = "max_logins = 6",
                                   .more = "\n[reserved]\nnetworks = [\"127.0.9.0/24\"]\nlogins = 2\n"}));
  Client administrator(usher.address(), "127.0.9.1");
  administrator.expect_line(100);
  std::vector<Client> others;
  for (int i = 0; i < 12; ++i) others.emplace_back(usher.address(), "127.0.1." + std::to_string(i + 1));
  for (int i = 0; i < 8; ++i) CHECK(others[static_cast<std::size_t>(i)].read_until_closed().find("904 ") != std::string::npos);
  Client second(usher.address(), "127.0.9.2");
  second.expect_line(100);
  for (std::size_t i = 8; i < 12; ++i) others[i].expect_line(100);  // four of six
  administrator.send_line(usual_account());
  administrator.answer(101, usual_account() + "-secret");
  administrator.expect_line(102);
}

TEST_CASE("reserved places: workers of a pool at its maximum, on every road") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared", "spawn"}) {
    CAPTURE(road);
    const Installation usher({.programs = stay(),
                              .listener = "pending_timeout = \"1s\"\ndispatch = \"" + road + "\"",
                              .pool = "maximum = 3\ninitial = 1\nthreshold = 1",
                              .more = "\n[reserved]\nnetworks = [\"127.0.9.0/24\"]\nworkers = 1\n"});
    std::vector<Client> inside;
    inside.emplace_back(usher.address(), "127.0.1.1");
    log_in(inside.back(), usual_account(), "stay");
    inside.emplace_back(usher.address(), "127.0.1.2").expect_line(100);
    CHECK(first_code(usher, "127.0.1.3") == 910);
    {
      Client administrator(usher.address(), "127.0.9.1");
      administrator.expect_line(100);
      CHECK(first_code(usher, "127.0.1.3") == 910);
    }
    inside.front().finish_sending();
    inside.front().read_until_closed();
    CHECK(is_let_in(usher, "127.0.1.3"));
  }
}

TEST_CASE("reserved places: sessions, for a user from anywhere and for anybody from the network") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const std::string reserved = "\n[reserved]\nnetworks = [\"127.0.9.0/24\"]\ngroups = [\"trainees\"]\nsessions = 2\n";
  const Installation usher(steady({.programs = stay(), .listener = "max_sessions = 4", .more = reserved}));
  const auto is_in = [&](Client& client, const std::string& user) {
    client.answer(100, user);
    client.answer(101, user + "-secret");
    client.answer(102, "stay");
    return client.read_line().starts_with("110 ");
  };
  std::vector<Client> clients;
  const auto enters = [&](const std::string& user, const std::string& from) {
    return is_in(clients.emplace_back(usher.address(), from), user);
  };
  CHECK(enters("normal", "127.0.1.1"));
  CHECK(enters("normal", "127.0.1.1"));
  CHECK_FALSE(enters("normal", "127.0.1.1"));
  CHECK(enters("second", "127.0.1.1"));  // a trainee
  CHECK(enters("normal", "127.0.9.1"));
  CHECK_FALSE(enters("second", "127.0.1.1"));  // four of four
  clients.clear();
  CHECK(wait_until([&] {
    Client client(usher.address(), "127.0.1.1");
    return is_in(client, "normal");
  }));
}
