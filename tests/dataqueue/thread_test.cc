// Threads that share handles.
#include <doctest/doctest.h>

#include <thread>

#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  Library library{directory.path("work.db"), {.create = true}};
  DataQueue queue = library.create_queue("Q");
};

void run_all(std::vector<std::thread>& threads) {
  for (std::thread& thread : threads) thread.join();
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "threads: senders and receivers share one handle, and every entry arrives once") {
  constexpr int kThreads = 4;
  constexpr int kEach = 200;
  std::atomic<int> received{0};
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      while (auto entry = queue.receive(20s)) {
        if (entry->data == "end") break;
        sum += std::stoi(entry->data);
        ++received;
      }
    });
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) queue.send(std::to_string(n));
    });
  }
  while (received < kThreads * kEach) std::this_thread::yield();
  for (int i = 0; i < kThreads; ++i) queue.send("end");
  run_all(threads);
  CHECK(sum == kThreads * kEach * (kEach - 1) / 2);
}

TEST_CASE_FIXTURE(Fixture, "threads: leases, watches, forks, lists and a deleted queue at one time") {
  DataQueue other = library.create_queue("OTHER");
  std::atomic<bool> stop{false};
  std::atomic<int> leased{0};
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        if (auto lease = queue.lease(300ms)) {
          ++leased;
          lease->complete();
        }
      }
    });
  }
  threads.emplace_back([&] {
    Watch watch = queue.watch();
    while (!stop) {
      watch.arm();
      pollfd readable{watch.fd(), POLLIN, 0};
      if (::poll(&readable, 1, 5) == 1 && watch.receive()) ++leased;
    }
  });
  threads.emplace_back([&] {
    while (!stop) {
      (void)queue.describe();
      (void)queue.list({.most = 3});
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < 10 && !stop; ++i) {
      other.send("x");
      (void)other.receive();
      library.delete_queue("OTHER");
      library.create_queue("OTHER");
    }
  });
  int sent = 0;
  for (; sent < 200; ++sent) queue.send("x");
  for (int i = 0; i < 3; ++i) {
    Child child([&] { queue.send("from a child"); });
    CHECK(child.wait() == 0);
    ++sent;
  }
  CHECK(wait_until([&] { return leased == sent; }));
  stop = true;
  run_all(threads);
  CHECK(queue.describe().entries == 0);
}

TEST_CASE_FIXTURE(Fixture,
                  "threads: an open transaction keeps the other threads of the process out, until they are busy") {
  std::optional<Transaction> transaction;
  transaction.emplace(library);
  transaction->send(queue, "1");
  int code = 0;
  std::thread([&] { code = code_of([&] { (void)queue.receive(30ms); }); }).join();
  CHECK(code == static_cast<int>(ErrorCode::busy));
  transaction->commit();
  std::thread([&] { CHECK(data_of(queue.receive(10s)) == "1"); }).join();
}
