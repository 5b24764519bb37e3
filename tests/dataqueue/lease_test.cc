// Rule 20: leases end with the life of their holder.
#include <doctest/doctest.h>

#include "dataqueue/library_transaction.h"
#include "tests/dataqueue/support.h"
#include "tests/support/descriptors.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  Library library{directory.path("work.db"), {.create = true}};
  DataQueue queue = library.create_queue("Q");
  Messages heard;

  // A child that holds what it gets, and tells.
  Child holder() {
    return Child([this] {
      const auto lease = queue.lease(Wait::for_ever());
      heard.say("holds " + lease->entry().data);
      ::pause();
    });
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rule 20: a leased entry is hidden, and gone when completed") {
  queue.send("one");
  auto lease = queue.lease();
  REQUIRE(lease);
  CHECK(lease->entry().data == "one");
  CHECK(lease->entry().deliveries == 1);
  CHECK_FALSE(queue.receive());
  CHECK_FALSE(queue.peek());
  const QueueDescription description = queue.describe();
  CHECK(description.entries == 0);
  CHECK(description.leased == 1);
  CHECK(description.lease_holders == std::vector<pid_t>{::getpid()});
  lease->complete();
  CHECK(queue.describe().leased == 0);
  CHECK_FALSE(queue.receive());
  CHECK_ERROR(lease->complete(), lease_lost);
  CHECK_FALSE(queue.lease());
}

TEST_CASE_FIXTURE(Fixture, "rule 20: a released entry, or one whose lease object went, is back at the front") {
  for (const char* data : {"1", "2", "3"}) queue.send(data);
  {
    auto first = queue.lease();
    auto second = queue.lease();
    CHECK(second->entry().data == "2");
    second->release();
    CHECK_ERROR(second->complete(), lease_lost);
    auto again = queue.lease();
    CHECK(again->entry().data == "2");
    CHECK(again->entry().deliveries == 2);
    CHECK(again->number() != second->number());
    CHECK_ERROR(queue.complete(second->number()), lease_lost);
  }
  for (const char* data : {"1", "2", "3"}) CHECK(data_of(queue.receive()) == data);
}

TEST_CASE_FIXTURE(Fixture, "rule 20: a holder that is killed gives its entry back at once, to the one that waits") {
  queue.send("one");
  Child child = holder();
  REQUIRE(heard.hear() == "holds one");
  Child waiter([&] { heard.say("got " + data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 1));
  child.kill();
  CHECK(heard.hear() == "got one");
  CHECK(queue.describe().leased == 0);
}

TEST_CASE_FIXTURE(Fixture, "rule 20: a killed holder's entry is there for the next call, and first in order") {
  queue.send("one");
  Child child = holder();
  REQUIRE(heard.hear() == "holds one");
  queue.send("two");
  child.kill();
  CHECK(data_of(queue.peek()) == "one");
  CHECK(data_of(queue.receive()) == "one");
  CHECK(data_of(queue.receive()) == "two");
}

TEST_CASE_FIXTURE(Fixture, "rule 20: a holder that exits in any other way gives its entry back, too") {
  queue.send("one");
  Child exits([&] {
    auto lease = queue.lease();
    if (!lease) throw std::runtime_error("nothing");
    ::_exit(0);
  });
  CHECK(exits.wait() == 0);
  CHECK(data_of(queue.receive(10s)) == "one");
  queue.send("two");
  Child executes([&] {
    auto lease = queue.lease();
    if (!lease) throw std::runtime_error("nothing");
    heard.say("holds");
    ::execl("/bin/sleep", "sleep", "60", nullptr);
  });
  REQUIRE(heard.hear() == "holds");
  CHECK(data_of(queue.receive(Wait::for_ever())) == "two");
}

TEST_CASE_FIXTURE(Fixture, "rule 20: workers in a row: each entry outlives the workers that die over it") {
  Child first = holder();
  Child second = holder();
  Child third = holder();
  REQUIRE(waiting(queue, 3));
  queue.send("one");
  CHECK(heard.hear() == "holds one");
  CHECK(waiting(queue, 2));
  first.kill();
  second.kill();
  third.kill();
  CHECK(data_of(queue.receive(10s)) == "one");
}

TEST_CASE_FIXTURE(Fixture, "rule 20: a slow but living holder keeps its entry, whatever happens to others") {
  queue.send("kept");
  Child keeper = holder();
  REQUIRE(heard.hear() == "holds kept");
  for (int i = 0; i < 5; ++i) {
    queue.send("x");
    Child other = holder();
    REQUIRE(heard.hear() == "holds x");
    other.kill();
    CHECK(data_of(queue.receive(10s)) == "x");
  }
  CHECK_FALSE(queue.receive());
  CHECK(queue.describe().lease_holders == std::vector<pid_t>{keeper.pid()});
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 20: a lease outlives the thread that took it, and a child of the holder does not have it") {
  queue.send("one");
  std::optional<Lease> lease;
  std::thread([&] { lease = queue.lease(); }).join();
  REQUIRE(lease);
  CHECK_FALSE(queue.receive(20ms));
  Child child([&] {
    if (code_of([&] { lease->complete(); }) != static_cast<int>(ErrorCode::lease_lost))
      throw std::runtime_error("has it");
    lease.reset();
  });
  CHECK(child.wait() == 0);
  CHECK_FALSE(queue.receive(20ms));
  lease->complete();
}

TEST_CASE_FIXTURE(Fixture, "rule 20: past max_deliveries an entry moves to the dead-letter queue") {
  DataQueue dead = library.create_queue("DEAD");
  CHECK_ERROR(library.create_queue("X", {.max_deliveries = 2, .dead_letter = "NONE"}), queue_not_found);
  library.create_queue("SMALL", {.max_length = 1});
  CHECK_ERROR(library.create_queue("X", {.max_deliveries = 2, .dead_letter = "SMALL"}), invalid_argument);
  DataQueue work = library.create_queue("W", {.sender_id = true, .max_deliveries = 2, .dead_letter = "dead"});
  work.send("poison");
  work.lease()->release();
  CHECK(work.describe().entries == 1);
  Child child([&] {
    (void)work.lease();
    auto held = work.lease();
    ::kill(::getpid(), SIGKILL);
  });
  (void)child.wait();
  CHECK_FALSE(work.receive());
  const auto entry = dead.receive();
  REQUIRE(entry);
  CHECK(entry->data == "poison");
  CHECK(entry->deliveries == 2);
  CHECK(entry->sender);
}

TEST_CASE_FIXTURE(Fixture, "rule 20: a leased entry counts towards max_entries until it is completed") {
  DataQueue small = library.create_queue("S", {.max_entries = 1});
  small.send("1");
  auto lease = small.lease();
  CHECK_ERROR(small.send("2"), queue_full);
  lease->release();
  CHECK_ERROR(small.send("2"), queue_full);
  small.lease()->complete();
  small.send("2");
}

TEST_CASE_FIXTURE(Fixture, "rule 20: keyed leases go back to their key, and leases end with their queue") {
  DataQueue keyed = library.create_queue("K", {.sequence = Sequence::keyed, .key_length = 1});
  keyed.send("b", Key::bytes("B"));
  keyed.send("a", Key::bytes("A"));
  const KeySelection all{KeyOrder::ge, Key::bytes("A")};
  auto lease = keyed.lease(all);
  CHECK(lease->entry().key == "A");
  CHECK(keyed.receive(all)->key == "B");
  lease->release();
  auto again = keyed.lease(all);
  CHECK(again->entry().key == "A");
  library.delete_queue("K");
  CHECK_ERROR(again->complete(), lease_lost);
}

TEST_CASE_FIXTURE(Fixture, "rule 21: completing a lease and sending its result happen together") {
  queue.send("work");
  DataQueue results = library.create_queue("R");
  auto lease = queue.lease();
  {
    Transaction transaction(library);
    transaction.complete(*lease);
    transaction.send(results, "result");
  }
  CHECK_FALSE(results.receive());
  Transaction transaction(library);
  transaction.complete(*lease);
  transaction.send(results, "result");
  transaction.commit();
  CHECK(data_of(results.receive()) == "result");
  CHECK_ERROR(lease->complete(), lease_lost);
  CHECK(queue.describe().leased == 0);
}

TEST_CASE("leases leave no descriptor behind") {
  const TemporaryDirectory directory;
  const std::size_t before = open_descriptors();
  {
    Library library(directory.path("work.db"), {.create = true});
    DataQueue queue = library.create_queue("Q");
    queue.send("x");
    CHECK(queue.lease());
  }
  CHECK(open_descriptors() == before);
}
