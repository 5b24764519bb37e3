// Rule 23: killed anywhere.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <random>

#include "tests/dataqueue/kill_support.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

TEST_CASE(
    "rule 23: a sender killed at any step leaves its entry whole or not at all, and who waits gets what is there") {
  for (const char* point : kPoints) {
    for (int time = 1; time <= 3; ++time) {
      CAPTURE(point);
      CAPTURE(time);
      const TemporaryDirectory directory;
      Library library(directory.path("work.db"), {.create = true});
      DataQueue queue = library.create_queue("Q");
      Messages heard;
      std::vector<Child> receivers;
      for (int i = 0; i < 2; ++i) {
        receivers.emplace_back([&] { heard.say(data_of(queue.receive(Wait::for_ever()))); });
        REQUIRE(waiting(queue, static_cast<std::uint32_t>(i + 1)));
      }
      Child sender([&] {
        Victim::die_at(point, time);
        for (const char* data : {"1", "2", "3"}) queue.send(data);
      });
      const bool killed = sender.wait() == -SIGKILL;
      queue.send("4");
      queue.send("5");
      const std::string first = heard.hear();
      const std::string second = heard.hear();
      std::string rest;
      while (auto entry = queue.receive()) rest += entry->data;
      std::string all = std::min(first, second) + std::max(first, second) + rest;
      CAPTURE(all);
      // What was sent is a beginning of 1 2 3, then 4 5, without gap or doubling.
      CHECK((all == "45" || all == "145" || all == "1245" || all == "12345"));
      if (!killed) CHECK(all == "12345");
      CHECK(integrity(library) == "ok");
    }
  }
}

TEST_CASE("rule 23: a sender killed after its commit has woken who waits: nobody sleeps on an entry that is there") {
  for (const char* point : kPoints) {
    CAPTURE(point);
    const TemporaryDirectory directory;
    Library library(directory.path("work.db"), {.create = true});
    DataQueue queue = library.create_queue("Q");
    Messages heard;
    Child receiver([&] { heard.say(data_of(queue.receive(Wait::for_ever()))); });
    REQUIRE(waiting(queue, 1));
    Child sender([&] {
      Victim::die_at(point, 1);
      queue.send("1");
    });
    (void)sender.wait();
    // Looking takes no turn, so it mends nothing.
    const bool stored = library.queue("Q").peek().has_value();
    if (stored)
      CHECK(heard.hear() == "1");
    else
      queue.send("2");
  }
}

TEST_CASE("rule 23: one who is killed while he moves the log loses nothing, and others move it after him") {
  for (const bool force : {false, true}) {
    CAPTURE(force);
    const TemporaryDirectory directory;
    const std::string path = directory.path("work.db");
    Library library(path, {.create = true});
    DataQueue queue = library.create_queue("Q", {.force = force});
    const std::string data(kMaxEntryLength, 'x');
    int sent = 0;
    for (int round = 0; round < 3; ++round) {
      Shared<int> count;
      Child sender([&] {
        Victim::die_at("most of the log moved", 1);
        while (*count < 1000) {
          queue.send(data);
          ++*count;
        }
      });
      REQUIRE(sender.wait() == -SIGKILL);
      sent += *count + 1;  // the one who died had sent
      CHECK(queue.describe().entries == static_cast<std::uint64_t>(sent));
    }
    const auto moved = std::filesystem::file_size(path);
    for (int i = 0; i < 1000 && std::filesystem::file_size(path) == moved; ++i, ++sent) queue.send(data);
    CHECK(std::filesystem::file_size(path) > moved);
    CHECK(queue.receive_batch(5000).size() == static_cast<std::size_t>(sent));
    CHECK(integrity(library) == "ok");
  }
}

TEST_CASE("rule 23: a receiver killed at any step has taken its entry or not, and the other one gets on") {
  for (const char* point : kPoints) {
    for (int time = 1; time <= 2; ++time) {
      CAPTURE(point);
      CAPTURE(time);
      const TemporaryDirectory directory;
      Library library(directory.path("work.db"), {.create = true});
      DataQueue queue = library.create_queue("Q");
      Messages heard;
      Messages started;
      Child victim([&] {
        Victim::die_at(point, time);
        started.say("started");
        (void)queue.receive(Wait::for_ever());
        heard.say("victim");
      });
      REQUIRE(started.hear() == "started");
      Child other([&] {
        heard.say(data_of(queue.receive(Wait::for_ever())));
        heard.say(data_of(queue.receive(Wait::for_ever())));
      });
      queue.send("1");
      queue.send("2");
      queue.send("3");
      const std::string first = heard.hear();
      const std::string second = heard.hear();
      CAPTURE(first);
      CAPTURE(second);
      CHECK(first != "(nothing)");
      CHECK(second != "(nothing)");
      CHECK(first != second);
      (void)victim;
      CHECK(integrity(library) == "ok");
    }
  }
}

TEST_CASE("rule 23: processes killed at random lose no entry and double none, counted in the same file") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  const auto state = open_library(path, {.how = {.create = true}, .clients = {kLog}});
  Library library(state);
  DataQueue queue = library.create_queue("Q");
  constexpr int kSenders = 3;
  struct Sent {
    std::atomic<int> completed[kSenders];
  };
  Shared<Sent> sent;

  const auto sender = [&](int who) {
    return Child([&, who] {
      while (true) {
        const int next = sent->completed[who] + 1;
        queue.send(std::to_string(who) + "." + std::to_string(next));
        sent->completed[who] = next;
      }
    });
  };
  const auto receiver = [&] {
    return Child([&] {
      while (true) {
        Transaction transaction(library);
        if (auto entry = transaction.receive(queue)) {
          database_of(transaction).prepare("INSERT INTO log (data) VALUES (?1)").run(entry->data);
          transaction.commit();
        }
      }
    });
  };
  std::mt19937 random(1);
  std::vector<Child> children;
  children.reserve(kSenders + 3);
  for (int i = 0; i < kSenders; ++i) children.push_back(sender(i));
  for (int i = 0; i < 3; ++i) children.push_back(receiver());
  std::map<int, int> skipped;  // an entry that was stored although its sender did not live to note it is sent twice
  for (int i = rounds(1000); i > 0; --i) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
    const std::size_t victim = random() % children.size();
    children[victim].kill();
    if (victim < kSenders) sent->completed[victim] += 1;  // the one under way is given up: there, or not
    Child fresh = victim < kSenders ? sender(static_cast<int>(victim)) : receiver();
    std::swap(children[victim], fresh);
  }
  children.clear();

  std::map<std::string, int> seen;
  std::map<std::string, int> last;
  const auto count = [&](const std::string& data) {
    ++seen[data];
    const std::string who = data.substr(0, data.find('.'));
    const int number = std::stoi(data.substr(data.find('.') + 1));
    CHECK(number > last[who]);  // order
    last[who] = number;
  };
  read_library(library, [&](Database& database) {
    Statement log = database.prepare("SELECT data FROM log ORDER BY place");
    for (Rows rows = log.query(); rows.next();) count(rows.get<std::string>(0));
    return 0;
  });
  while (auto entry = queue.receive()) count(entry->data);
  for (const auto& [data, times] : seen) CHECK(times == 1);
  int missing = 0;
  for (int who = 0; who < kSenders; ++who) {
    for (int number = 1; number <= sent->completed[who]; ++number) {
      if (seen.count(std::to_string(who) + "." + std::to_string(number)) == 0) ++missing;
    }
  }
  CHECK(missing <= rounds(1000));  // at most the ones under way in killed senders
  CHECK(integrity(library) == "ok");
  CHECK(queue.describe().waiters == 0);
}

TEST_CASE("rule 23: blocked receivers and watches killed at random never leave an entry and a sleeper side by side") {
  const TemporaryDirectory directory;
  Library library(directory.path("work.db"), {.create = true});
  DataQueue queue = library.create_queue("Q");
  struct Count {
    std::atomic<int> received;
  };
  Shared<Count> count;
  const auto receiver = [&](bool as_watch) {
    return Child([&, as_watch] {
      if (!as_watch) {
        while (queue.receive(Wait::for_ever())) ++count->received;
      }
      Watch watch = queue.watch();
      while (true) {
        watch.arm();
        pollfd readable{watch.fd(), POLLIN, 0};
        (void)::poll(&readable, 1, -1);
        if (watch.receive()) ++count->received;
      }
    });
  };
  std::mt19937 random(2);
  std::vector<Child> children;
  children.reserve(8);
  for (int i = 0; i < 8; ++i) children.push_back(receiver(i % 4 == 0));
  int sent = 0;
  int killed = 0;
  for (int i = rounds(1000); i > 0; --i) {
    for (int burst = static_cast<int>(random() % 4); burst > 0; --burst, ++sent) queue.send("x");
    if (random() % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    const std::size_t victim = random() % children.size();
    children[victim].kill();
    ++killed;
    Child fresh = receiver(victim % 4 == 0);
    std::swap(children[victim], fresh);
    if (i % 10 == 0) CHECK(wait_until([&] { return queue.describe().entries == 0; }));
  }
  CHECK(wait_until([&] { return queue.describe().entries == 0; }));
  CHECK(count->received <= sent);
  CHECK(count->received >= sent - killed);
  children.clear();
  queue.send("last");
  CHECK(data_of(queue.receive()) == "last");
  CHECK(integrity(library) == "ok");
}

// However long it takes with a sanitizer, as long as it goes on.
bool runs_empty(DataQueue& queue) {
  std::uint64_t left = queue.describe().entries;
  const auto goes_on = [&] { return wait_until([&, before = left] { return (left = queue.describe().entries) < before; }); };
  while (left > 0 && goes_on()) continue;
  return left == 0;
}

TEST_CASE("rule 23: at full speed, entries handed to a receiver killed at random come once and in their order") {
  const TemporaryDirectory directory;
  Library library(directory.path("work.db"), {.create = true});
  DataQueue queue = library.create_queue("Q");
  constexpr int kSenders = 2;
  constexpr int kMost = 4'000'000;
  struct Sender {
    std::atomic<int> sent;  // the last whose send has returned, or was given up
    std::atomic<int> last;  // the last that was received
    std::atomic<bool> seen[kMost];
    std::atomic<int> again;  // received although it, or a later one, had been
  };
  Shared<std::array<Sender, kSenders>> traffic;
  const auto sender = [&](int who) {
    return Child([&, who] {
      Sender& own = traffic->at(static_cast<std::size_t>(who));
      while (own.sent + 1 < kMost) {
        queue.send(std::to_string(who) + "." + std::to_string(own.sent + 1));
        ++own.sent;
      }
    });
  };
  const auto receiver = [&] {
    return Child([&] {
      while (auto entry = queue.receive(Wait::for_ever())) {
        Sender& from = traffic->at(static_cast<std::size_t>(entry->data[0] - '0'));
        const int number = std::stoi(entry->data.substr(2));
        if (number <= from.last) ++from.again;
        from.last = number;
        from.seen[number] = true;
      }
    });
  };
  std::mt19937 random(11);
  std::vector<Child> children;
  for (int i = 0; i < kSenders; ++i) children.push_back(sender(i));
  children.push_back(receiver());
  int killed = 0;
  for (int i = rounds(500); i > 0; --i, ++killed) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    const std::size_t victim = random() % children.size();
    children[victim].kill();
    if (victim < kSenders) (*traffic)[victim].sent += 1;
    Child fresh = victim < kSenders ? sender(static_cast<int>(victim)) : receiver();
    std::swap(children[victim], fresh);
  }
  for (int i = 0; i < kSenders; ++i) children[static_cast<std::size_t>(i)].kill();
  CHECK((kSanitized ? runs_empty(queue) : wait_until([&] { return queue.describe().entries == 0; })));
  queue.send("0." + std::to_string(kMost - 1));
  CHECK(wait_until([&] { return (*traffic)[0].last == kMost - 1; }));
  int missing = 0;
  for (Sender& from : *traffic) {
    CHECK(from.again == 0);
    for (int number = 1; number < from.sent; ++number) missing += from.seen[number] ? 0 : 1;
  }
  CHECK(missing <= killed);  // sends that were under way, and receives that had not returned
  CHECK(integrity(library) == "ok");
}

TEST_CASE("rule 23: one that is killed as it writes to the disk for others does not hold them up") {
  for (const char* point : {"about to write to the disk", "written to the disk", "write ended"}) {
    CAPTURE(point);
    const TemporaryDirectory directory;
    Library library(directory.path("work.db"), {.create = true});
    DataQueue queue = library.create_queue("Q", {.force = true});
    const auto send_many = [&] {
      for (int i = 0; i < 100; ++i) queue.send("x");
    };
    std::vector<Child> senders;
    for (int i = 0; i < 3; ++i) senders.emplace_back(send_many);
    for (int i = 0; i < 10; ++i) {
      Child victim([&] {
        Victim::die_at(point, 3);
        for (;;) queue.send("x");
      });
      CHECK(victim.wait() == -SIGKILL);
    }
    for (Child& sender : senders) CHECK(sender.wait() == 0);
    CHECK(queue.describe().entries >= 300);
    CHECK(integrity(library) == "ok");
  }
}
