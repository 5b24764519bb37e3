// Rule 7: what is there after a loss of power at any instant.
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include "dataqueue/fault_point.h"
#include "dataqueue/library_transaction.h"
#include "tests/dataqueue/failing_disk.h"
#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr int kSenders = 3;
constexpr int kMost = 300;
constexpr std::size_t kPadding = 600;  // the log grows, and is moved to the file now and then

std::string name_of(int sender, int number) {
  return std::to_string(sender) + "." + std::to_string(number);
}

struct Traffic {
  explicit Traffic(bool forced)
      : library(open_library(path, {.how = {.create = true}, .vfs = failing_disk_vfs()})),
        queue(library.create_queue("Q", {.max_entries = kMost, .force = forced})) {
    for (int i = 0; i < kSenders; ++i) threads.emplace_back([this, i] { send(i); });
    threads.emplace_back([this] { receive(); });
  }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;
  ~Traffic() {
    stop = true;
    for (std::thread& thread : threads) thread.join();
  }

  void send(int sender) {
    for (int number = 1; !stop; ++number) {
      const std::string data = name_of(sender, number) + " " + std::string(kPadding, 'x');
      while (!stop && code_of([&] { queue.send(data); }) != 0) std::this_thread::yield();  // full
      if (stop) return;
      sent[sender] = number;
    }
  }

  // One receiver takes a sender's entries in their order, so numbers say which ones are gone. It lets some pile up.
  void receive() {
    std::mt19937 random(7);
    while (!stop) {
      const auto entry = random() % 5 == 0 ? std::nullopt : queue.receive();
      if (!entry) {
        std::this_thread::yield();
        continue;
      }
      const int sender = entry->data[0] - '0';
      const int number = std::stoi(entry->data.substr(2));
      received[sender] = number;
    }
  }

  TemporaryDirectory directory;
  std::string path = directory.path("work.db");
  Library library;
  DataQueue queue;
  std::atomic<bool> stop{false};
  std::atomic<int> sent[kSenders]{};      // number of the last whose send has returned
  std::atomic<int> received[kSenders]{};  // of the last whose receive has
  std::vector<std::thread> threads;
};

// How often the log has been moved to the file, whatever came after it.
class LogMoves {
 public:
  LogMoves() {
    moved_ = 0;
    fault::listener = listen;
  }
  LogMoves(const LogMoves&) = delete;
  LogMoves& operator=(const LogMoves&) = delete;
  ~LogMoves() { fault::listener = nullptr; }
  int count() const { return moved_; }

 private:
  static void listen(const char* point) {
    if (std::strcmp(point, "most of the log moved") == 0) ++moved_;
  }
  static inline std::atomic<int> moved_;
};

struct Survivors {
  std::string integrity;
  bool whole = true;
  std::vector<std::string> entries;  // "SENDER.NUMBER" in their order
};

Survivors survivors_at(const std::string& path) {
  Library library(path);
  Survivors found;
  found.integrity =
      read_library(library, [](Database& d) { return d.value_of<std::string>("PRAGMA integrity_check"); });
  DataQueue queue = library.queue("Q");
  for (const Entry& entry : queue.list()) {
    found.whole = found.whole && entry.data.ends_with(" " + std::string(kPadding, 'x'));
    found.entries.push_back(entry.data.substr(0, entry.data.find(' ')));
  }
  (void)queue.receive();
  queue.send("usable");
  return found;
}

// Each sender's entries in their order, without doubles.
bool in_order(const std::vector<std::string>& entries) {
  int last[kSenders] = {};
  for (const std::string& entry : entries) {
    const int number = std::stoi(entry.substr(2));
    if (number <= last[entry[0] - '0']) return false;
    last[entry[0] - '0'] = number;
  }
  return true;
}

using Numbers = std::array<int, kSenders>;

Numbers now(const std::atomic<int> (&numbers)[kSenders]) {
  return {numbers[0], numbers[1], numbers[2]};
}

int count_there(const Survivors& found, int sender, int first, int last) {
  const std::set<std::string> there(found.entries.begin(), found.entries.end());
  int count = 0;
  for (int number = first; number <= last; ++number) count += there.count(name_of(sender, number)) != 0 ? 1 : 0;
  return count;
}

// `sent` and `received` had returned before the cut. What was received since then may be gone as well, and so may the
// one entry whose receive has not returned yet.
void check_forced(const Survivors& found, const Numbers& sent, const Numbers& received, const Numbers& received_since) {
  int missing = 0;
  for (int sender = 0; sender < kSenders; ++sender) {
    const auto i = static_cast<std::size_t>(sender);
    CHECK(count_there(found, sender, 1, received[i]) == 0);
    const int wanted = std::max(0, sent[i] - received_since[i]);
    missing += wanted - count_there(found, sender, received_since[i] + 1, sent[i]);
  }
  CHECK(missing <= 1);
}

// One cut after the other while the traffic goes on; each leaves files that are opened and looked at.
void cut_power(Traffic& traffic, int times, bool forced) {
  std::mt19937 random(3);
  const LogMoves moves;
  for (int cut = 0; cut < times || moves.count() < 2; ++cut) {
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
    const Numbers received = now(traffic.received);
    const Numbers sent = now(traffic.sent);
    const TemporaryDirectory after;
    lose_power(traffic.path, after.path("work.db"), random);
    const Numbers received_since = now(traffic.received);
    CAPTURE(cut);
    const Survivors found = survivors_at(after.path("work.db"));
    CHECK(found.integrity == "ok");
    CHECK(found.whole);
    CHECK(in_order(found.entries));
    if (forced) check_forced(found, sent, received, received_since);
  }
}

}  // namespace

TEST_CASE("rule 7: with force, what was sent is there after a loss of power, and what was received stays away") {
  Traffic traffic(true);
  cut_power(traffic, 100, true);
  CHECK(traffic.sent[0] > 0);
  CHECK(traffic.received[0] > 0);
}

TEST_CASE("rule 7: without force a loss of power may cost entries, never the file or the order") {
  Traffic traffic(false);
  cut_power(traffic, 100, false);
  CHECK(traffic.sent[0] > 100);
}
