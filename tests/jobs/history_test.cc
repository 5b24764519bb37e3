#include "jobs/history.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "base/system.h"
#include "tests/support/temporary_directory.h"
#include "usher/error.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Place {
  Place() { check(::mkdir(directory.path("db").c_str(), 0700), "mkdir"); }
  TemporaryDirectory directory;
};

EndedJob ended(std::uint32_t number) {
  EndedJob ended;
  ended.job.id = JobId::random();
  ended.job.number = number;
  ended.job.owner = "usher";
  ended.job.name = ended.job.pool = "generic";
  ended.job.user = "alice";
  ended.job.program = "echo";
  ended.job.entered = 1;
  ended.ended = 2;
  ended.end = "status 3";
  ended.cpu_ms = 4;
  ended.max_rss_kb = 5;
  return ended;
}

const auto kNone = [](std::uint32_t) { return false; };

}  // namespace

TEST_CASE("history: what has ended is found by number and by id, and stays") {
  const Place place;
  const EndedJob first = ended(7);
  const EndedJob second = ended(7);
  {
    History history(place.directory.path(), History::Open::create);
    CHECK(history.add({first, ended(8)}).empty());
    CHECK(history.add({second}).empty());
  }
  History history(place.directory.path(), History::Open::existing);
  CHECK(history.find(7)->job.id == second.job.id);
  const auto found = history.find(first.job.id);
  REQUIRE(found);
  CHECK(found->job.full_name() == "000007/usher/generic");
  CHECK(found->job.user == "alice");
  CHECK(found->job.status == JobStatus::ended);
  CHECK(found->end == "status 3");
  CHECK(found->cpu_ms == 4);
  CHECK(found->max_rss_kb == 5);
  CHECK_FALSE(history.find(9));
  int rows = 0;
  history.for_each([&](const EndedJob&) { ++rows; });
  CHECK(rows == 3);
}

TEST_CASE("history: a job added twice is there once") {
  const Place place;
  History history(place.directory.path(), History::Open::create);
  const EndedJob job = ended(1);
  history.add({job});
  history.add({job, ended(2)});
  int rows = 0;
  history.for_each([&](const EndedJob&) { ++rows; });
  CHECK(rows == 2);
}

TEST_CASE("history: the oldest make way, and are named so that their logs can go") {
  const Place place;
  History history(place.directory.path(), History::Open::create);
  const EndedJob oldest = ended(1);
  std::vector<EndedJob> many{oldest};
  for (std::int64_t i = 1; i < kMaxHistoryRows; ++i) many.push_back(ended(2));
  CHECK(history.add(many).empty());
  const auto gone = history.add({ended(3)});
  REQUIRE(gone.size() == 1);
  CHECK(gone[0] == oldest.job.id);
  CHECK_FALSE(history.find(1));
}

TEST_CASE("history: numbers go on after a restart, pass over those in use, and begin again after the last") {
  const Place place;
  std::uint32_t last = 0;
  {
    History history(place.directory.path(), History::Open::create);
    CHECK(history.next_number(kNone) == 1);
    CHECK(history.next_number([](std::uint32_t number) { return number == 2; }) == 3);
    last = 3;
  }
  History history(place.directory.path(), History::Open::create);
  std::uint32_t next = history.next_number(kNone);
  CHECK(next > last);
  while (next != kMaxJobNumber) next = history.next_number(kNone);
  CHECK(history.next_number(kNone) == 1);
}

TEST_CASE("history: none is there before Usher was first started, and one of another version is refused") {
  const Place place;
  CHECK_THROWS_AS(History(place.directory.path(), History::Open::existing), Error);
  {
    Database other = Database::open(place.directory.path("db/history.db"), {.create = true});
    other.execute("PRAGMA user_version = 99");
  }
  try {
    History history(place.directory.path(), History::Open::create);
    FAIL("it opened");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::wrong_version);
  }
}
