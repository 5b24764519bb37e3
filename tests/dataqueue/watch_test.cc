// Rule 22: waiting as a descriptor.
#include <doctest/doctest.h>

#include <vector>

#include "tests/dataqueue/support.h"
#include "tests/support/descriptors.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

bool readable(const Watch& watch, std::chrono::milliseconds wait = kPatience) {
  pollfd entry{watch.fd(), POLLIN, 0};
  return ::poll(&entry, 1, static_cast<int>(wait.count())) == 1;
}

struct Fixture {
  TemporaryDirectory directory;
  Library library{directory.path("work.db"), {.create = true}};
  DataQueue queue = library.create_queue("Q");
  Messages heard;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rule 22: a watch becomes readable when an entry comes, and is disarmed by taking it") {
  const std::size_t before = open_descriptors();
  {
    Watch watch = queue.watch();
    CHECK_FALSE(watch.armed());
    watch.arm();
    CHECK(watch.armed());
    CHECK_FALSE(readable(watch, 0ms));
    Child sender([&] { queue.send("one"); });
    CHECK(readable(watch));
    CHECK(data_of(watch.receive()) == "one");
    CHECK_FALSE(watch.armed());
    CHECK_FALSE(readable(watch, 0ms));
  }
  CHECK(queue.describe().waiters == 0);
  CHECK(open_descriptors() == before);
}

TEST_CASE_FIXTURE(Fixture, "rule 22: a watch armed when an entry is there already is readable at once") {
  queue.send("early");
  Watch watch = queue.watch();
  watch.arm();
  CHECK(readable(watch));
  CHECK_FALSE(queue.receive());  // it is kept for the watch
  CHECK(data_of(watch.receive()) == "early");
}

TEST_CASE_FIXTURE(Fixture, "rule 22: an entry taken in a transaction with a watch is back when that rolls back") {
  Watch watch = queue.watch();
  watch.arm();
  queue.send("one");
  REQUIRE(readable(watch));
  {
    Transaction transaction(library);
    CHECK(data_of(transaction.receive(watch)) == "one");
  }
  CHECK(watch.armed());
  CHECK(readable(watch));
  Transaction transaction(library);
  CHECK(data_of(transaction.receive(watch)) == "one");
  transaction.commit();
  CHECK_FALSE(watch.armed());
}

TEST_CASE_FIXTURE(Fixture, "rule 13: watches and blocked receivers are served in one order of arrival") {
  Child first([&] { heard.say("first " + data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 1));
  Watch watch = queue.watch();
  watch.arm();
  Child third([&] { heard.say("third " + data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 3));
  for (const char* data : {"1", "2", "3"}) queue.send(data);
  CHECK(readable(watch));
  std::vector<std::string> others{heard.hear(), heard.hear()};
  std::sort(others.begin(), others.end());
  CHECK(others == std::vector<std::string>{"first 1", "third 3"});
  CHECK(data_of(watch.receive()) == "2");
}

TEST_CASE_FIXTURE(Fixture, "rule 13: disarming a chosen watch passes its entry on") {
  Watch watch = queue.watch();
  watch.arm();
  Child second([&] { heard.say("second " + data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 2));
  queue.send("one");
  REQUIRE(readable(watch));
  watch.disarm();
  CHECK(heard.hear() == "second one");
  CHECK_FALSE(readable(watch, 0ms));
}

TEST_CASE_FIXTURE(Fixture, "rule 23: the process of a chosen watch is killed, and the next waiter gets the entry") {
  Child watcher([&] {
    Watch watch = queue.watch();
    watch.arm();
    heard.say("armed");
    if (readable(watch)) heard.say("chosen");
    ::pause();
  });
  REQUIRE(heard.hear() == "armed");
  Child second([&] { heard.say("second " + data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 2));
  queue.send("one");
  REQUIRE(heard.hear() == "chosen");
  watcher.kill();
  CHECK(heard.hear() == "second one");
  CHECK(queue.describe().waiters == 0);
}

TEST_CASE_FIXTURE(Fixture, "rule 23: a watch notices when the blocked receiver before it is killed with an entry") {
  Child first([&] { (void)queue.receive(Wait::for_ever()); });
  REQUIRE(waiting(queue, 1));
  Watch watch = queue.watch();
  watch.arm();
  first.stop();
  queue.send("one");
  CHECK_FALSE(readable(watch, 20ms));
  first.kill();
  CHECK(readable(watch));
  CHECK(data_of(watch.receive()) == "one");
}

TEST_CASE_FIXTURE(Fixture, "rule 3: a watch on a queue that is deleted is readable, and says so") {
  Watch watch = queue.watch();
  watch.arm();
  library.delete_queue("Q");
  CHECK(readable(watch));
  CHECK_ERROR(watch.receive(), queue_not_found);
}

TEST_CASE_FIXTURE(Fixture, "rule 25: in a child a watch is the parent's, and a new one can be armed") {
  Watch watch = queue.watch();
  watch.arm();
  Child child([&] {
    if (watch.armed()) throw std::runtime_error("the parent's watch seems armed in the child");
    Watch own = queue.watch();
    own.arm();
    heard.say("armed");
    if (readable(own)) heard.say("child " + data_of(own.receive()));
  });
  REQUIRE(heard.hear() == "armed");
  queue.send("for the parent");
  queue.send("for the child");
  CHECK(heard.hear() == "child for the child");
  CHECK(child.wait() == 0);
  CHECK(readable(watch));
  CHECK(data_of(watch.receive()) == "for the parent");
}
