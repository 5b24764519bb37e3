// Rules 20, 21 and 23 together: holders of leases killed anywhere.
#include <doctest/doctest.h>

#include <map>
#include <random>

#include "tests/dataqueue/kill_support.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  std::shared_ptr<LibraryState> state =
      open_library(directory.path("work.db"), {.how = {.create = true}, .clients = {kLog}});
  Library library{state};
  DataQueue queue = library.create_queue("Q");

  // Takes an entry and notes that it is done, in one transaction with the end of the lease.
  bool work_once(Wait wait) {
    auto lease = queue.lease(wait);
    if (!lease) return false;
    Transaction transaction(library);
    transaction.complete(*lease);
    database_of(transaction).prepare("INSERT INTO log (data) VALUES (?1)").run(lease->entry().data);
    transaction.commit();
    return true;
  }
  std::map<std::string, int> done() {
    return read_library(library, [](Database& database) {
      std::map<std::string, int> times;
      Statement log = database.prepare("SELECT data FROM log");
      for (Rows rows = log.query(); rows.next();) ++times[rows.get<std::string>(0)];
      return times;
    });
  }
};

}  // namespace

TEST_CASE("rule 23: a lease holder killed at any step has done its entry, or the next one gets it") {
  for (const char* point : kPoints) {
    for (int time = 1; time <= 4; ++time) {
      CAPTURE(point);
      CAPTURE(time);
      Fixture fixture;
      fixture.queue.send("1");
      fixture.queue.send("2");
      Child victim([&] {
        Victim::die_at(point, time);
        while (fixture.work_once({})) continue;
      });
      (void)victim.wait();
      while (fixture.work_once({})) continue;
      CHECK(fixture.done() == std::map<std::string, int>{{"1", 1}, {"2", 1}});
      const QueueDescription left = fixture.queue.describe();
      CHECK(left.entries == 0);
      CHECK(left.leased == 0);
      CHECK(integrity(fixture.library) == "ok");
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "rule 23: lease holders killed at random do each entry once") {
  const auto worker = [&] {
    return Child([&] {
      while (true) work_once(Wait::for_ever());
    });
  };
  std::mt19937 random(5);
  std::vector<Child> workers;
  workers.reserve(4);
  for (int i = 0; i < 4; ++i) workers.push_back(worker());
  int sent = 0;
  for (int i = rounds(600); i > 0; --i) {
    for (int burst = static_cast<int>(random() % 4); burst > 0; --burst) queue.send(std::to_string(++sent));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 1500));
    const std::size_t victim = random() % workers.size();
    workers[victim].kill();
    Child fresh = worker();
    std::swap(workers[victim], fresh);
  }
  CHECK(wait_until([&] { return static_cast<int>(done().size()) == sent; }));
  workers.clear();
  for (const auto& [data, times] : done()) CHECK(times == 1);
  const QueueDescription left = queue.describe();
  CHECK(left.entries == 0);
  CHECK(left.leased == 0);
  CHECK(left.waiters == 0);
  CHECK(integrity(library) == "ok");
}
