// Rules 13, 22, 23: who waits, who is chosen, and who dies over it.
#include <doctest/doctest.h>

#include <fstream>
#include <thread>
#include <vector>

#include "dataqueue/spin.h"
#include "tests/dataqueue/support.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  Library library{directory.path("work.db"), {.create = true}};
  DataQueue queue = library.create_queue("Q");
  Messages received;

  // A child that waits for one entry and tells what it got.
  Child receiver(const std::string& name) {
    Child child([this, name] { received.say(name + " " + data_of(queue.receive(Wait::for_ever()))); });
    return child;
  }
  Child waiting_receiver(const std::string& name) {
    const std::uint32_t before = queue.describe().waiters;
    Child child = receiver(name);
    REQUIRE(waiting(queue, before + 1));
    return child;
  }
};

// A number out of /proc/PID/status.
long status_number(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stol(line.substr(field.size()));
  }
  return -1;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "rule 13: the longest waiting receiver gets the entry") {
  std::vector<Child> children;
  children.reserve(5);
  for (int i = 0; i < 5; ++i) children.push_back(waiting_receiver("r" + std::to_string(i)));
  for (int i = 0; i < 5; ++i) {
    queue.send("e" + std::to_string(i));
    CHECK(received.hear() == "r" + std::to_string(i) + " e" + std::to_string(i));
  }
}

TEST_CASE_FIXTURE(Fixture,
                  "rule 13: entries sent at once go to the waiters in order of arrival, and nobody can step in") {
  const std::string names = "abcde";
  std::vector<Child> children;
  children.reserve(names.size());
  for (const char name : names) children.push_back(waiting_receiver(std::string(1, name)));
  for (const Child& child : children) child.stop();
  for (int i = 0; i < 5; ++i) queue.send("e" + std::to_string(i));
  CHECK_FALSE(queue.receive());
  std::vector<std::string> heard;
  for (const Child& child : children) {
    child.send_signal(SIGCONT);
    heard.push_back(received.hear());
  }
  CHECK(heard == std::vector<std::string>{"a e0", "b e1", "c e2", "d e3", "e e4"});
}

TEST_CASE_FIXTURE(Fixture, "rule 13: a waiter killed in its sleep takes nothing with it") {
  Child first = waiting_receiver("first");
  Child second = waiting_receiver("second");
  first.kill();
  queue.send("one");
  CHECK(received.hear() == "second one");
}

TEST_CASE_FIXTURE(Fixture, "rule 13: a waiter that was chosen and is killed before it could look passes the entry on") {
  Child first = waiting_receiver("first");
  Child second = waiting_receiver("second");
  first.stop();
  queue.send("one");  // the first is chosen and cannot run
  first.kill();
  CHECK(received.hear() == "second one");
}

TEST_CASE_FIXTURE(Fixture, "rule 13: the entry of a killed waiter is there for the next receive, at its old place") {
  Child first = waiting_receiver("first");
  first.stop();
  queue.send("one");
  queue.send("two");
  first.kill();
  CHECK(data_of(queue.receive()) == "one");
  CHECK(data_of(queue.receive()) == "two");
}

TEST_CASE_FIXTURE(Fixture, "rule 23: when chosen waiters are killed together the survivors get the entries in order") {
  std::vector<Child> children;
  children.reserve(6);
  for (int i = 0; i < 6; ++i) children.push_back(waiting_receiver(std::to_string(i)));
  for (int i : {0, 1, 3, 4}) children[static_cast<std::size_t>(i)].stop();
  queue.send("a");
  queue.send("b");
  children[2].stop();
  queue.send("c");  // kept for 2
  for (int i : {0, 1, 3, 4}) children[static_cast<std::size_t>(i)].kill();
  CHECK(received.hear() == "5 a");
  children[2].send_signal(SIGCONT);
  CHECK(received.hear() == "2 c");
  CHECK(data_of(queue.receive(10s)) == "b");
}

TEST_CASE_FIXTURE(Fixture, "rule 13: a waiter that gives up passes nothing on and takes nothing with it") {
  Child patient = waiting_receiver("patient");
  Child hasty([&] { received.say("hasty " + data_of(queue.receive(50ms))); });
  CHECK(received.hear() == "hasty (none)");
  Child third = waiting_receiver("third");
  queue.send("one");
  queue.send("two");
  CHECK(sorted(received.hear(), received.hear()) == sorted("patient one", "third two"));
}

TEST_CASE("rule 13: a keyed waiter gets only what it can take") {
  const TemporaryDirectory directory;
  Library library(directory.path("work.db"), {.create = true});
  DataQueue queue = library.create_queue("K", {.sequence = Sequence::keyed, .key_length = 1});
  Messages received;
  const auto waiter = [&](KeyOrder order, const std::string& key, std::uint32_t number) {
    Child child([&, order, key] {
      received.say(key + " " + data_of(queue.receive({order, Key::bytes(key)}, Wait::for_ever())));
    });
    REQUIRE(waiting(queue, number));
    return child;
  };
  const Child b = waiter(KeyOrder::eq, "B", 1);
  const Child a = waiter(KeyOrder::eq, "A", 2);
  const Child high = waiter(KeyOrder::gt, "M", 3);
  queue.send("for a", Key::bytes("A"));
  CHECK(received.hear() == "A for a");
  queue.send("for high", Key::bytes("Z"));
  CHECK(received.hear() == "M for high");
  queue.send("for nobody", Key::bytes("C"));
  queue.send("for b", Key::bytes("B"));
  CHECK(received.hear() == "B for b");
  CHECK(data_of(queue.receive({KeyOrder::ge, Key::bytes("A")})) == "for nobody");
}

TEST_CASE_FIXTURE(Fixture, "rule 15: a peek waits, sees the entry and leaves it there") {
  Child peeker([&] { received.say("saw " + data_of(queue.peek(Wait::for_ever()))); });
  REQUIRE(waiting(queue, 1));
  queue.send("one");
  CHECK(received.hear() == "saw one");
  CHECK(data_of(queue.receive()) == "one");
}

TEST_CASE_FIXTURE(Fixture, "rule 9: a wait that ends without an entry is an empty result") {
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(queue.receive(30ms));
  CHECK(std::chrono::steady_clock::now() - begin >= 30ms);
  CHECK_FALSE(queue.receive());
  CHECK_FALSE(queue.peek(10ms));
  CHECK_ERROR(queue.receive(100'000s), invalid_argument);
}

TEST_CASE_FIXTURE(Fixture, "rule 3: who waits on a queue that is deleted gets queue_not_found") {
  Child child([&] { received.say(std::to_string(code_of([&] { (void)queue.receive(Wait::for_ever()); }))); });
  REQUIRE(waiting(queue, 1));
  library.delete_queue("Q");
  CHECK(received.hear() == std::to_string(static_cast<int>(ErrorCode::queue_not_found)));
}

TEST_CASE_FIXTURE(Fixture, "rule 22: who waits for an entry does not run until there is one") {
  DataQueue other = library.create_queue("OTHER");
  Child child = waiting_receiver("sleeper");
  const auto switches = [&] { return status_number(child.pid(), "voluntary_ctxt_switches:"); };
  REQUIRE(wait_until([&] {
    const long before = switches();
    std::this_thread::sleep_for(20ms);
    return switches() == before;
  }));
  const long asleep = switches();
  for (int i = 0; i < 100; ++i) {
    other.send("x");
    (void)other.receive();
  }
  std::this_thread::sleep_for(300ms);
  CHECK(switches() == asleep);
  queue.send("one");
  CHECK(received.hear() == "sleeper one");
}

TEST_CASE("rule 22: a thread that looked in vain leaves most looks out, until one succeeds") {
  SKIP_UNLESS(std::thread::hardware_concurrency() > 1, "with one processor nobody looks");
  SpinHabit habit;
  int looks = 0;
  for (int i = 0; i < 1000; ++i) {
    if (habit.leaves_out()) continue;
    ++looks;
    habit.note(false);
  }
  CHECK(looks > 1000 / 32);
  CHECK(looks < 40);
  habit.note(true);
  CHECK_FALSE(habit.leaves_out());
}

TEST_CASE_FIXTURE(Fixture, "rule 22: many waiters on one queue are each woken once, and none is forgotten") {
  constexpr int kMany = 60;
  std::vector<Child> children;
  children.reserve(kMany);
  for (int i = 0; i < kMany; ++i) children.push_back(receiver("r"));
  REQUIRE(waiting(queue, kMany));
  for (int i = 0; i < kMany; ++i) queue.send("e");
  for (int i = 0; i < kMany; ++i) CHECK(received.hear() == "r e");
  CHECK(queue.describe().waiters == 0);
}
