// Scenarios in which processes send and receive: flow, ping-pong, pairs, forced.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdio>
#include <memory>

#include "tests/bench/dataqueue_bench.h"
#include "tests/bench/dataqueue_peers.h"

namespace usher::bench {
namespace {

constexpr int kRounds = 5;
const std::string kData(100, 'x');

using MakePeer = std::function<std::unique_ptr<Peer>(const std::string& directory)>;

// The rates of several peers, measured in turn; empty where one is not installed.
struct Measured {
  std::string name;
  std::vector<double> values;
};

std::vector<Measured> measure(const std::vector<MakePeer>& makers, const std::function<double(Peer&)>& once) {
  std::vector<Measured> all(makers.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t i = 0; i < makers.size(); ++i) {
      const Directory directory;
      const auto peer = makers[i](directory.path);
      if (peer == nullptr) continue;
      all[i].name = peer->name();
      all[i].values.push_back(once(*peer));
    }
  }
  return all;
}

void compare(Table& table, const std::string& what, const std::vector<Measured>& all, const char* unit,
             const std::vector<double>& floors) {
  const double ours = median(all[0].values);
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (all[i].values.empty()) continue;
    const double theirs = median(all[i].values);
    table.row(what, all[i].name, ours, theirs, unit, ours / theirs, floors[i - 1]);
  }
}

double flow(Peer& peer) {
  constexpr int kEntries = 20'000;
  SharedMemory<std::atomic<int>> ready;
  Processes processes;
  processes.start([&] {
    const auto client = peer.connect();
    ++*ready;
    for (int i = 0; i < kEntries; ++i) client->receive(0);
  });
  const auto client = peer.connect();
  while (ready->load() == 0) continue;
  const auto begin = BenchClock::now();
  for (int i = 0; i < kEntries; ++i) client->send(0, kData);
  processes.wait();
  return kEntries / seconds_since(begin);
}

double ping_pong(Peer& peer) {
  constexpr int kTrips = 10'000;
  Processes processes;
  processes.start([&] {
    const auto client = peer.connect();
    for (int i = 0; i < kTrips + 100; ++i) {
      client->receive(0);
      client->send(1, kData);
    }
  });
  const auto client = peer.connect();
  const auto trip = [&] {
    client->send(0, kData);
    client->receive(1);
  };
  for (int i = 0; i < 100; ++i) trip();
  const auto begin = BenchClock::now();
  for (int i = 0; i < kTrips; ++i) trip();
  const double rate = kTrips / seconds_since(begin);
  processes.wait();
  return rate;
}

constexpr int kProcesses = 8;

struct Counts {
  std::atomic<bool> go{false};
  std::atomic<bool> stop{false};
  std::atomic<int> ready{0};
  std::atomic<long> pairs[kProcesses];
  std::atomic<long> sends_by_ms[4096];  // how many sends took so many hundredths of a millisecond
};

struct PairResult {
  double rate;
  double fairness;  // the least busy process against the busiest
  double p999_ms;
};

double percentile_999(Counts& counts) {
  long all = 0;
  for (const auto& count : counts.sends_by_ms) all += count;
  long seen = 0;
  int at = 4095;
  for (; at > 0 && seen <= all / 1000; --at) seen += counts.sends_by_ms[at];
  return (at + 1) / 100.0;
}

void one_process(Peer& peer, Counts& counts, int who) {
  const auto client = peer.connect();
  ++counts.ready;
  while (!counts.go) continue;
  long pairs = 0;
  while (!counts.stop) {
    const auto begin = BenchClock::now();
    client->send(0, kData);
    const auto took = static_cast<std::size_t>(seconds_since(begin) * 1e5);
    ++counts.sends_by_ms[std::min<std::size_t>(took, 4095)];
    while (!client->try_receive(0)) continue;
    counts.pairs[who] = ++pairs;
  }
}

PairResult pairs(Peer& peer, double seconds) {
  SharedMemory<Counts> counts;
  Processes processes;
  for (int i = 0; i < kProcesses; ++i) {
    processes.start([&, i] { one_process(peer, *counts, i); });
  }
  while (counts->ready != kProcesses) ::usleep(1000);
  const auto begin = BenchClock::now();
  counts->go = true;
  ::usleep(static_cast<useconds_t>(seconds * 1e6));
  counts->stop = true;
  const double took = seconds_since(begin);
  processes.wait();
  long all = 0;
  long least = LONG_MAX;
  long most = 0;
  for (const auto& count : counts->pairs) {
    all += count;
    least = std::min<long>(least, count);
    most = std::max<long>(most, count);
  }
  return {static_cast<double>(all) / took, static_cast<double>(least) / static_cast<double>(most),
          percentile_999(*counts)};
}

MakePeer maker(std::unique_ptr<Peer> (*make)(const std::string&, Disk), Disk disk) {
  return [make, disk](const std::string& directory) { return make(directory, disk); };
}

MakePeer postgresql(Disk disk, WakeUp wake_up) {
  return [disk, wake_up](const std::string& directory) { return make_postgresql(directory, disk, wake_up); };
}

}  // namespace

void measure_flow(Table& table) {
  const auto all = measure({maker(make_ours, Disk::unforced), maker(make_bare, Disk::unforced), make_redis,
                            postgresql(Disk::unforced, WakeUp::yes), maker(make_beanstalkd, Disk::unforced)},
                           flow);
  compare(table, "one producer, one consumer", all, "entries/s", {0.85, 1.0, 0, 0});
}

void measure_ping_pong(Table& table) {
  const auto all = measure({maker(make_ours, Disk::unforced), maker(make_bare, Disk::unforced), make_redis,
                            postgresql(Disk::unforced, WakeUp::yes), maker(make_beanstalkd, Disk::unforced)},
                           ping_pong);
  compare(table, "ping-pong over two queues", all, "trips/s", {0.85, 1.0, 0, 0});
}

void measure_pairs(Table& table) {
  std::vector<double> fairness;
  std::vector<double> tail;
  const auto all = measure({maker(make_ours, Disk::unforced), maker(make_bare, Disk::unforced), make_redis,
                            postgresql(Disk::unforced, WakeUp::yes), postgresql(Disk::unforced, WakeUp::no),
                            maker(make_beanstalkd, Disk::unforced)},
                           [&](Peer& peer) {
                             const PairResult result = pairs(peer, 1.5);
                             if (peer.name() == "usher") {
                               fairness.push_back(result.fairness);
                               tail.push_back(result.p999_ms);
                             }
                             return result.rate;
                           });
  compare(table, "8 processes, send and receive", all, "pairs/s", {0, 0, 1.8, 0, 0});
  table.row("  share of the least busy one", "the busiest", median(fairness), 1, "", median(fairness), 0.8);
  table.row("  send p99.9", "10 ms", median(tail), 10, "ms", 10 / median(tail), 1);
}

void measure_forced(Table& table) {
  const auto all =
      measure({maker(make_ours, Disk::forced), maker(make_bare, Disk::forced), postgresql(Disk::forced, WakeUp::yes),
               postgresql(Disk::forced, WakeUp::no), maker(make_beanstalkd, Disk::forced)},
              [](Peer& peer) { return pairs(peer, 1.5).rate; });
  compare(table, "8 processes, forced", all, "pairs/s", {3.0, 2.5, 0, 0});
}

}  // namespace usher::bench
