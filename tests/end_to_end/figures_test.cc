// What `usher status` says of pools is what has happened.
#include <doctest/doctest.h>

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"
#include "tests/support/wait_until.h"

using namespace usher::testing;

namespace {

Row pool_of(const Installation& usher) {
  for (const Row& row : usher.status()) {
    if (row.at("kind") == "pool") return row;
  }
  return {};
}

std::string value_of(const Row& row, const std::string& key) {
  const auto found = row.find(key);
  return found == row.end() ? "" : found->second;
}

// They are written once a second.
bool becomes(const Installation& usher, const Row& wanted) {
  return wait_until([&] {
    const Row now = pool_of(usher);
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
