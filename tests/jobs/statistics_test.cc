// Figures of pools, and how they come through the registry.
#include "jobs/statistics.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "jobs/registry.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using usher::testing::TemporaryDirectory;

TEST_CASE("statistics: the average of a level is its area over its time") {
  Statistic level{"pool", "p", "in_use", 4, true, 4, 1000, 10'000, 12'000};
  CHECK(level.average(12'000) == doctest::Approx(0.5));
  CHECK(level.average(14'000) == doctest::Approx((1000 + 4 * 2000) / 4000.0));
  CHECK(level.average(9'000) > 0);  // a clock that was set back divides by nothing
}

TEST_CASE("statistics: levels have a peak, counters add up, and a change is known until it is written") {
  Statistics figures("pool");
  CHECK_FALSE(figures.changed());
  figures.set("p", "workers", 3);
  figures.change("p", "workers", -2);
  figures.count("p", "accepted");
  figures.count("p", "accepted", 4);
  CHECK(figures.changed());
  const auto rows = figures.rows();
  CHECK_FALSE(figures.changed());
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].key == "accepted");
  CHECK(rows[0].value == 5);
  CHECK_FALSE(rows[0].level);
  CHECK(rows[1].value == 1);
  CHECK(rows[1].peak == 3);
  figures.set("p", "workers", 1);
  figures.count("p", "accepted", 0);
  CHECK_FALSE(figures.changed());
}

TEST_CASE("statistics: a process that takes another's place goes on from its figures") {
  const std::int64_t now = usher::wall_clock_ms();
  Statistics figures("pool");
  figures.set("p", "in_use", 2);
  figures.count("p", "accepted", 3);
  figures.go_on_from({{"pool", "p", "in_use", 4, true, 9, 500, now - 1000, now - 100},
                      {"pool", "p", "accepted", 7, false, 0, 0, now - 1000, now - 1000},
                      {"listener", "p", "accepted", 70, false, 0, 0, now - 1000, now - 1000}});
  CHECK(figures.changed());
  const auto rows = figures.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].value == 10);
  CHECK(rows[1].value == 2);
  CHECK(rows[1].peak == 9);
  CHECK(rows[1].area >= 900);
  CHECK(rows[1].since == now - 1000);
}

TEST_CASE("statistics: reset, counts begin at nothing and levels at what they are") {
  Statistics figures("pool");
  figures.set("p", "in_use", 5);
  figures.set("p", "in_use", 2);
  figures.count("p", "accepted", 3);
  figures.rows();
  figures.reset();
  CHECK(figures.changed());
  const auto rows = figures.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].value == 0);
  CHECK(rows[1].value == 2);
  CHECK(rows[1].peak == 2);
  CHECK(rows[1].area == 0);
}

TEST_CASE("statistics: in the registry each source replaces its own rows alone") {
  const TemporaryDirectory directory;
  REQUIRE(::mkdir(directory.path("db").c_str(), 0700) == 0);
  Registry registry(directory.path(), Registry::Open::create);
  const auto write = [&](const std::string& source, const std::vector<Statistic>& rows) {
    Registry::Update update(registry);
    update.put_statistics(source, rows);
    update.commit();
  };
  write("pool", {{"pool", "p", "workers", 3, true, 5, 7, 1, 2}, {"pool", "q", "workers", 1, true, 1, 0, 1, 1}});
  write("listener", {{"listener", "p", "accepted", 9, false, 0, 0, 1, 1}});
  write("pool", {{"pool", "p", "workers", 4, true, 5, 8, 1, 3}});
  const auto rows = registry.statistics();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].key == "accepted");
  CHECK(rows[0].value == 9);
  CHECK(rows[1].value == 4);
  CHECK(rows[1].peak == 5);
  CHECK(rows[1].area == 8);
  CHECK(rows[1].level);
}
