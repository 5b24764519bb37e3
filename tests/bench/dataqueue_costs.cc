// Scenarios about what one operation costs: hand-over, idle waiters, size of queue and library, batches.
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <thread>

#include "tests/bench/dataqueue_bench.h"
#include "tests/bench/dataqueue_peers.h"
#include "usher/data_queue.h"

namespace usher::bench {
namespace {

constexpr int kRounds = 5;
const std::string kData(100, 'x');

double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// --- hand-over: from the call of send() to the entry in the hand of a receiver that sleeps

struct Stamps {
  std::atomic<std::int64_t> sent;
  std::atomic<std::int64_t> received;
};

double hand_over_us(Peer& peer) {
  constexpr int kTimes = 300;
  SharedMemory<Stamps> stamps;
  const auto now = [] { return BenchClock::now().time_since_epoch().count(); };
  Processes processes;
  processes.start([&] {
    const auto client = peer.connect();
    for (int i = 0; i < kTimes; ++i) {
      client->receive(0);
      stamps->received = now();
    }
  });
  const auto client = peer.connect();
  std::vector<double> times;
  for (int i = 0; i < kTimes; ++i) {
    ::usleep(1000);
    stamps->received = 0;
    stamps->sent = now();
    client->send(0, kData);
    while (stamps->received == 0) ::usleep(20);
    times.push_back(static_cast<double>(stamps->received - stamps->sent) / 1e3);
  }
  return median(times);
}

// --- idle

constexpr int kWaiters = 1000;
constexpr int kProcesses = 10;

// What a thread has used, and how often it has slept.
struct Use {
  double processor_seconds = 0;
  long sleeps = 0;
};

Use use_of_task(const std::filesystem::path& task) {
  Use use;
  std::ifstream status(task / "status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("voluntary_ctxt_switches:")) use.sleeps = std::stol(line.substr(24));
  }
  std::ifstream stat(task / "stat");
  std::string text;
  std::getline(stat, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string field;
  for (int i = 0; i < 11; ++i) fields >> field;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  use.processor_seconds = static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return use;
}

// Of all threads of these processes, by what the kernel calls them.
std::map<std::string, Use> use_of(const std::vector<pid_t>& pids) {
  std::map<std::string, Use> all;
  for (const pid_t pid : pids) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
      all[task.path().filename()] = use_of_task(task.path());
    }
  }
  return all;
}

double processor_seconds(const std::map<std::string, Use>& all) {
  return std::accumulate(all.begin(), all.end(), 0.0, [](double sum, const auto& one) { return sum + one.second.processor_seconds; });
}

void wait_for_ever(const std::string& path) {
  Library library(path);
  DataQueue queue = library.queue("Q");
  std::vector<std::thread> threads;
  for (int i = 0; i < kWaiters / kProcesses; ++i) {
    threads.emplace_back([&] {
      while (queue.receive(Wait::for_ever())->data != "end") continue;
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// --- size

double us_for_pairs(DataQueue& queue, const KeySelection* which, int pairs) {
  const double begin = processor_seconds();
  for (int i = 0; i < pairs; ++i) {
    if (which == nullptr) {
      queue.send(kData);
      (void)queue.receive();
    } else {
      queue.send(kData, Key::bytes(std::string("key") + static_cast<char>(i % 256)));
      (void)queue.receive(*which);
    }
  }
  return (processor_seconds() - begin) * 1e6 / pairs;
}

void fill(DataQueue& queue, bool keyed, int entries) {
  std::vector<Outgoing> batch;
  for (int i = 0; i < entries; ++i) {
    std::optional<Key> key;
    if (keyed) key = Key::bytes(std::string("key") + static_cast<char>(i % 256));
    batch.push_back({kData, key});
    if (batch.size() == 1000 || i + 1 == entries) {
      queue.send_batch(batch);
      batch.clear();
    }
  }
}

// A machine is faster for some seconds and slower for others: short rounds by turns let it be so for both, and their sums
// count. Each queue has a library of its own, or one would pay for what the other has left in the log.
constexpr int kTurns = 30;
constexpr int kPairs = 5000;

void measure_depth(Table& table, Sequence sequence, const char* name) {
  const bool keyed = sequence == Sequence::keyed;
  const KeySelection any{KeyOrder::ge, Key::bytes(std::string(4, '\0'))};
  const Directory directory;
  const auto filled = [&](const char* file, int entries) {
    DataQueue queue = Library(directory.path + file, {.create = true})
                          .create_queue("Q", {.sequence = sequence, .key_length = keyed ? 4U : 0U});
    fill(queue, keyed, entries);
    return queue;
  };
  DataQueue ten = filled("/ten.db", 10);
  DataQueue million = filled("/million.db", 1'000'000);
  double small = 0;
  double large = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    small += us_for_pairs(ten, keyed ? &any : nullptr, kPairs) / kTurns;
    large += us_for_pairs(million, keyed ? &any : nullptr, kPairs) / kTurns;
    fill(million, keyed, 1);  // what a LIFO pair costs depends on how full the last page is
  }
  table.row(std::string("send and receive, ") + name, "1,000,000 against 10 entries", large, small, "us CPU",
            1.5 * small / large, 1);
}

void measure_queues(Table& table) {
  const Directory directory;
  Library one(directory.path + "/one.db", {.create = true});
  Library thousand(directory.path + "/thousand.db", {.create = true});
  DataQueue single = one.create_queue("Q");
  std::vector<DataQueue> queues;
  for (int i = 0; i < 1000; ++i) queues.push_back(thousand.create_queue("Q" + std::to_string(i)));
  fill(single, false, 10);
  for (DataQueue& queue : queues) fill(queue, false, 10);
  std::vector<double> of_one;
  std::vector<double> of_thousand;
  for (int round = 0; round < kRounds; ++round) {
    of_one.push_back(us_for_pairs(single, nullptr, 5000));
    double all = 0;
    for (DataQueue& queue : queues) all += us_for_pairs(queue, nullptr, 5);
    of_thousand.push_back(all / 1000);
  }
  table.row("send and receive, by turns on", "1,000 queues against 1", median(of_thousand), median(of_one), "us CPU",
            1.5 * median(of_one) / median(of_thousand), 1);
}

}  // namespace

void measure_hand_over(Table& table) {
  std::vector<double> ours;
  std::vector<double> bare;
  for (int round = 0; round < kRounds; ++round) {
    const Directory directory;
    ours.push_back(hand_over_us(*make_ours(directory.path, Disk::unforced)));
    bare.push_back(hand_over_us(*make_bare(directory.path, Disk::unforced)));
  }
  table.row("send to entry in the hand", "bare futex, same transactions", median(ours), median(bare), "us",
            1.3 * median(bare) / median(ours), 1);
}

void measure_idle(Table& table) {
  constexpr int kSends = 500;
  const Directory directory;
  const std::string path = directory.path + "/idle.db";
  DataQueue queue = Library(path, {.create = true}).create_queue("Q");
  Processes processes;
  for (int i = 0; i < kProcesses; ++i) processes.start([&] { wait_for_ever(path); });
  while (queue.describe().waiters != kWaiters) ::usleep(10'000);
  const auto before = use_of(processes.pids());
  ::usleep(3'000'000);
  const auto idle = use_of(processes.pids());
  const double busy = (processor_seconds(idle) - processor_seconds(before)) / 3;
  table.row("1,000 idle waiters", "1 % of a processor", busy * 100, 1, "%", busy > 0 ? 0.01 / busy : 100, 1);
  for (int i = 0; i < kSends; ++i) {
    queue.send(kData);
    ::usleep(500);
  }
  double woken = 0;
  double sleeps = 0;
  for (const auto& [task, use] : use_of(processes.pids())) {
    const long more = use.sleeps - idle.at(task).sleeps;
    woken += more > 0 ? 1 : 0;
    sleeps += static_cast<double>(more);
  }
  table.row("  waiters woken by a send", "one", woken / kSends, 1, "", 1.1 * kSends / woken, 1);
  table.row("  and asleep again in between", "none", sleeps / woken - 1, 1, "", 0, 0);
  for (int i = 0; i < kWaiters; ++i) queue.send("end");
}

void measure_size(Table& table) {
  measure_depth(table, Sequence::fifo, "FIFO");
  measure_depth(table, Sequence::lifo, "LIFO");
  measure_depth(table, Sequence::keyed, "keyed");
  measure_queues(table);
}

void measure_batches(Table& table) {
  std::vector<double> single;
  std::vector<double> batched;
  const Directory directory;
  DataQueue queue = Library(directory.path + "/batches.db", {.create = true}).create_queue("Q");
  const std::vector<Outgoing> batch(100, Outgoing{kData});
  for (int round = 0; round < kRounds; ++round) {
    auto begin = BenchClock::now();
    for (int i = 0; i < 5000; ++i) queue.send(kData);
    single.push_back(5000 / seconds_since(begin));
    begin = BenchClock::now();
    for (int i = 0; i < 500; ++i) queue.send_batch(batch);
    batched.push_back(50'000 / seconds_since(begin));
    queue.clear();
  }
  table.row("sends in batches of 100", "single sends", median(batched), median(single), "entries/s",
            median(batched) / median(single), 5);
}

}  // namespace usher::bench
