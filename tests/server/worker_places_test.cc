#include "server/worker_places.h"

#include <doctest/doctest.h>

using namespace usher;

namespace {

VisitorPtr visitor(std::uint64_t serial, bool reserved = false) {
  auto one = std::make_shared<Visitor>();
  one->serial = serial;
  one->pool = "generic";
  one->guest.reserved = reserved;
  return one;
}

}  // namespace

TEST_CASE("worker places: others wait in order of arrival for one that leaves, and reserved clients do not") {
  std::vector<std::uint64_t> admitted;
  WorkerPlaces places([&](const VisitorPtr& next) { admitted.push_back(next->serial); });
  places.configure({{"generic", 2}});
  std::vector<VisitorPtr> all;
  for (std::uint64_t serial = 0; serial < 6; ++serial) all.push_back(visitor(serial));
  CHECK(places.enter(all[0]));
  CHECK(places.enter(all[1]));
  CHECK(places.enter(all[1]));  // has its place
  for (std::size_t i = 2; i < 6; ++i) CHECK_FALSE(places.enter(all[i]));
  CHECK(places.enter(visitor(100, true)));
  places.leave(*all[3]);
  CHECK(admitted.empty());
  places.leave(*all[0]);
  places.leave(*all[0]);
  CHECK(admitted == std::vector<std::uint64_t>{2});
  places.leave(*all[1]);
  CHECK(admitted == std::vector<std::uint64_t>{2, 4});
  places.configure({});
  CHECK(admitted == std::vector<std::uint64_t>{2, 4, 5});
}
