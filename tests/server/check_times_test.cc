#include "server/check_times.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace usher;

namespace {

const Instant kStart = Clock::now();

}  // namespace

TEST_CASE("check times: the slowest counts, each listener's for itself") {
  CheckTimes times;
  CHECK(times.slowest("front", kStart) == 0);
  times.note("front", 190, kStart);
  times.note("front", 12, kStart + 1s);
  times.note("back", 3, kStart + 1s);
  CHECK(times.slowest("front", kStart + 2s) == 190);
  CHECK(times.slowest("back", kStart + 2s) == 3);
  CHECK(times.slowest("elsewhere", kStart + 2s) == 0);
}

TEST_CASE("check times: a slow check is remembered as long as is promised, and not for ever") {
  CheckTimes times;
  times.note("front", 190, kStart);
  CHECK(times.slowest("front", kStart + CheckTimes::kMemory) == 190);
  times.note("front", 12, kStart + CheckTimes::kMemory + 1s);
  CHECK(times.slowest("front", kStart + CheckTimes::kMemory + 2s) == 190);
  CHECK(times.slowest("front", kStart + 2 * CheckTimes::kMemory + 1s) == 12);
}

TEST_CASE("check times: what nobody has asked for in a long time is forgotten") {
  CheckTimes times;
  times.note("front", 190, kStart);
  CHECK(times.slowest("front", kStart + 2 * CheckTimes::kMemory) == 0);
}
