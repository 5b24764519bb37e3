// What `usher status` says of pools is what has happened.
#include <doctest/doctest.h>

#include "tests/end_to_end/installation.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"
#include "tests/support/wait_until.h"

using namespace usher::testing;

namespace {

Row pool_of(const Installation& usher, const std::string& name = "generic") {
  for (const Row& row : usher.status()) {
    if (row.at("kind") == "pool" && row.at("name") == name) return row;
  }
  return {};
}

std::string value_of(const Row& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() ? "" : found->second;
}

// They are written once a second.
bool becomes(const Installation& usher, const Row& wanted, const std::string& pool = "generic") {
  return wait_until([&] {
    const Row now = pool_of(usher, pool);
    for (const auto& [key, value] : wanted) {
      if (value_of(now, key) != value) return false;
    }
    return true;
  });
}

}  // namespace

TEST_CASE("figures: clients taken, in use and refused are counted exactly") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("stay", "exec cat"),
                            .pool = "initial = 1\nthreshold = 1\nadditional = 1\nmaximum = 2\nwait = false"});
  {
    Client one(usher.address());
    log_in(one, usual_account(), "stay");
    CHECK(wait_until([&] { return usher.jobs_with("status", "ready").size() == 1; }));
    Client two(usher.address());
    log_in(two, usual_account(), "stay");
    for (int i = 0; i < 3; ++i) Client(usher.address()).expect_line(910);
    CHECK(becomes(usher, {{"workers", "2"}, {"in_use", "2"}, {"in_use_peak", "2"}, {"workers_peak", "2"}, {"accepted", "2"},
                          {"refused_busy", "3"}, {"refused_evicted", "0"}, {"waiting", "0"}, {"start_failures", "0"},
                          {"maximum", "2"}, {"initial", "1"}, {"threshold", "1"}, {"additional", "1"}, {"wait", "no"}}));
  }
  CHECK(becomes(usher, {{"in_use", "0"}, {"in_use_peak", "2"}, {"accepted", "2"}, {"refused_busy", "3"}}));
  const double average = std::stod(value_of(pool_of(usher), "in_use_average"));
  CHECK(average > 0);
  CHECK(average < 2);
  CHECK(usher.usher({"status"}).output.find("accepted 2") != std::string::npos);
}

TEST_CASE("figures: clients that wait are counted while they do") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("stay", "exec cat"),
                            .pool = "initial = 1\nthreshold = 1\nadditional = 1\nmaximum = 1"});
  Client one(usher.address());
  log_in(one, usual_account(), "stay");
  Client two(usher.address());
  Client three(usher.address());
  CHECK(becomes(usher, {{"waiting", "2"}, {"waiting_peak", "2"}, {"accepted", "1"}}));
  one.close();
  two.expect_line(100);
  CHECK(becomes(usher, {{"waiting", "1"}, {"accepted", "2"}}));
  CHECK(std::stod(value_of(pool_of(usher), "wait_average_ms")) > 0);
}

TEST_CASE("figures: they go on through restarts, and begin anew when they are reset") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("stay", "exec cat") + kWho, .pool = "initial = 2"});
  {
    Client one(usher.address());
    log_in(one, usual_account(), "stay");
    Client two(usher.address());
    log_in(two, usual_account(), "stay");
  }
  CHECK(becomes(usher, {{"accepted", "2"}, {"in_use", "0"}}));
  Client client(usher.address());
  log_in(client, usual_account(), "stay");
  const Row before{{"accepted", "3"}, {"in_use", "1"}, {"in_use_peak", "2"}, {"waiting", "0"}};
  CHECK(becomes(usher, before));
  for (const char* what : {"listener", "pool", "all"}) {
    CAPTURE(what);
    CHECK(usher.usher({"restart", what}).ending.code == 0);
    CHECK(becomes(usher, before));
  }
  run_program(usher.address(), usual_account(), "who");
  CHECK(becomes(usher, {{"accepted", "4"}, {"in_use", "1"}}));

  const Result reset = usher.usher({"status", "--reset"});
  CHECK(reset.ending.code == 0);
  CHECK(reset.output.find("accepted 4") != std::string::npos);
  CHECK(becomes(usher, {{"accepted", "0"}, {"in_use", "1"}, {"in_use_peak", "1"}}));
  CHECK(std::stod(value_of(pool_of(usher), "in_use_average")) == doctest::Approx(1));
  run_program(usher.address(), usual_account(), "who");
  CHECK(becomes(usher, {{"accepted", "1"}, {"in_use", "1"}, {"in_use_peak", "2"}}));
}

TEST_CASE("figures: they begin with Usher") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  write_configuration(directory, {.programs = kWho});
  for (int i = 0; i < 2; ++i) {
    const Background usher(directory.path("usher.toml"));
    const auto first = [&] { return usher.usher({"status", "--json"}).output; };
    CHECK(wait_until([&] { return first().find("\"in_use\":0") != std::string::npos; }));
    CHECK(first().find("\"accepted\":1") == std::string::npos);
    const std::string status = first();
    const std::size_t at = status.find("127.0.0.1:");
    run_program(status.substr(at, status.find('"', at) - at), usual_account(), "who");
    CHECK(wait_until([&] { return first().find("\"accepted\":1") != std::string::npos; }));
  }
}

TEST_CASE("figures: of a pool of own workers") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Setting setting;
  setting.more = "[[listener]]\nname = \"own\"\naddress = \"127.0.0.1:0\"\npool = \"own\"\npending_timeout = \"2s\"\n"
                 "[pool.own]\ncommand = [\"" USHER_PROGRAMS "/http_hello\"]\nuser = \"" +
                 usual_account() + "\"\ninitial = 2\nmaximum = 2\nthreshold = 0\n";
  const Installation usher(setting);
  {
    Client one(usher.address("own"));
    Client two(usher.address("own"));
    CHECK(becomes(usher, {{"in_use", "2"}, {"accepted", "2"}, {"waiting", "0"}}, "own"));
    Client(usher.address("own")).expect_closed();  // in its time
  }
  CHECK(becomes(usher, {{"in_use", "0"}, {"in_use_peak", "2"}, {"accepted", "2"}, {"waiting", "0"}, {"waiting_peak", "1"}, {"refused_busy", "1"}},
                "own"));
}
