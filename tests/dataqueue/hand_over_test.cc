// Rule 23 where an entry is handed to a waiting receiver without being stored: what is promised of it all the same.
#include <doctest/doctest.h>
#include <sched.h>

#include "tests/dataqueue/support.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  std::string path = directory.path("work.db");
  Library library{path, {.create = true}};
  DataQueue queue = library.create_queue("Q");

  // A receiver that waits and does not get to look when it is woken.
  Child stopped_receiver() { return stopped_receiver(queue); }
  static Child stopped_receiver(DataQueue& of) {
    const std::uint32_t before = of.describe().waiters;
    Child child([&of] { (void)of.receive(Wait::for_ever()); });
    REQUIRE(waiting(of, before + 1));
    child.stop();
    return child;
  }
  std::string rest() {
    std::string all;
    while (auto entry = queue.receive()) all += entry->data;
    return all;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rule 23: entries handed to receivers that are killed are back, in their order") {
  Child first = stopped_receiver();
  Child second = stopped_receiver();
  for (const char* data : {"1", "2", "3"}) queue.send(data);
  CHECK(queue.describe().entries == 1);  // two were handed over
  second.kill();
  CHECK(data_of(queue.peek()) == "2");
  first.kill();
  CHECK(queue.describe().entries == 3);
  CHECK(rest() == "123");
}

TEST_CASE_FIXTURE(Fixture, "rule 23: a LIFO queue and a keyed one take a handed entry back to its place") {
  DataQueue newest = library.create_queue("L", {.sequence = Sequence::lifo});
  DataQueue keyed = library.create_queue("K", {.sequence = Sequence::keyed, .key_length = 1});
  Child receiver = stopped_receiver(newest);
  for (const char* data : {"1", "2"}) newest.send(data);
  receiver.kill();
  CHECK(data_of(newest.receive()) == "2");
  CHECK(data_of(newest.receive()) == "1");

  Child of_key([&] { (void)keyed.receive({KeyOrder::ge, Key::bytes("A")}, Wait::for_ever()); });
  REQUIRE(waiting(keyed, 1));
  of_key.stop();
  keyed.send("handed", Key::bytes("B"));
  keyed.send("a", Key::bytes("A"));
  keyed.send("b", Key::bytes("B"));
  of_key.kill();
  const KeySelection all{KeyOrder::ge, Key::bytes("A")};
  CHECK(data_of(keyed.receive(all)) == "a");
  const auto back = keyed.receive(all);
  REQUIRE(back);
  CHECK(back->data == "handed");
  CHECK(back->key == "B");
}

TEST_CASE_FIXTURE(Fixture, "rule 22: a sender does not depend on the receiver that got the last entry coming back") {
  Child receiver([&] { CHECK(data_of(queue.receive(Wait::for_ever())) == "1"); });
  REQUIRE(waiting(queue, 1));
  queue.send("1");
  for (int i = 2; i < 10; ++i) queue.send(std::to_string(i));
  CHECK(receiver.wait() == 0);
  CHECK(queue.describe().entries == 8);
  CHECK(rest() == "23456789");
}

TEST_CASE("rule 23: an entry handed over is there when every process was killed and the file is opened anew") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  Messages heard;
  const auto hand_over_and_die = [&] {
    Library library(path, {.create = true});
    DataQueue queue = library.create_queue("Q", {.sender_id = true});
    Child receiver = Fixture::stopped_receiver(queue);
    queue.send("handed");
    heard.say(std::to_string(queue.describe().entries));
    receiver.kill();
    ::kill(::getpid(), SIGKILL);
  };
  SUBCASE("by processes like those") {
    Child all(hand_over_and_die);
    CHECK(all.wait() == -SIGKILL);
  }
  SUBCASE("by processes of another pid namespace") {
    SKIP_UNLESS(::geteuid() == 0, "makes a pid namespace");
    Child outer([&] {
      if (::unshare(CLONE_NEWPID) != 0) throw std::runtime_error("unshare");
      Child all(hand_over_and_die);
      (void)all.wait();
    });
    CHECK(outer.wait() == 0);
  }
  REQUIRE(heard.hear() == "0");
  Library library(path);
  const auto entry = library.queue("Q").receive();
  REQUIRE(entry);
  CHECK(entry->data == "handed");
  CHECK(entry->sender);
  CHECK_FALSE(library.queue("Q").receive());
}

TEST_CASE_FIXTURE(Fixture, "rule 7: entries of a queue with force are never handed over") {
  DataQueue forced = library.create_queue("F", {.force = true});
  const Child receiver = stopped_receiver(forced);
  forced.send("x");
  CHECK(forced.describe().entries == 1);
}

TEST_CASE_FIXTURE(Fixture, "rule 6: a full queue is full also for who waits") {
  DataQueue small = library.create_queue("S", {.max_entries = 1});
  small.send("1");
  auto lease = small.lease();
  const Child receiver = stopped_receiver(small);
  CHECK_ERROR(small.send("2"), queue_full);
}

TEST_CASE_FIXTURE(Fixture, "rule 21: a watch is not handed entries: it may take them in a transaction") {
  Watch watch = queue.watch();
  watch.arm();
  queue.send("x");
  CHECK(queue.describe().entries == 1);
  CHECK(data_of(watch.receive()) == "x");
}

TEST_CASE_FIXTURE(Fixture, "rule 16: clear removes what was handed over and not yet taken") {
  Child receiver = stopped_receiver();
  queue.send("x");
  CHECK(queue.clear() == 1);
  receiver.kill();
  CHECK(rest().empty());
}

TEST_CASE_FIXTURE(Fixture, "rule 16: a receiver whose entry was cleared waits on") {
  Messages heard;
  Child receiver([&] { heard.say(data_of(queue.receive(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 1));
  receiver.stop();
  queue.send("cleared");
  CHECK(queue.clear() == 1);
  receiver.send_signal(SIGCONT);
  queue.send("next");
  CHECK(heard.hear() == "next");
}

TEST_CASE_FIXTURE(Fixture, "rule 3: an entry handed over goes with its queue, not to the next of that name") {
  Child receiver = stopped_receiver();
  queue.send("old");
  library.delete_queue("Q");
  library.create_queue("Q");
  receiver.kill();
  CHECK(rest().empty());
}
