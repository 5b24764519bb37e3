// How long the log of a library gets.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

class QueueWithLog {
 public:
  explicit QueueWithLog(const QueueAttributes& attributes = {})
      : queue_(Library(path_, {.create = true}).create_queue("Q", attributes)) {}

  // Each commit changes at least one page, and the file stays small.
  void change_pages(int commits) {
    for (int i = 0; i < commits; i += 2) {
      queue_.send("x");
      REQUIRE(queue_.receive());
    }
  }

  // As many entries of a page each as these.
  void send_pages(int pages) {
    constexpr int kBatch = 40;
    const std::vector<Outgoing> batch(kBatch, Outgoing{std::string(4000, 'x')});
    for (int sent = 0; sent < pages; sent += kBatch) queue_.send_batch(batch);
  }

  int pages_of_log() const { return static_cast<int>(std::filesystem::file_size(path_ + "-wal") / 4120); }

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_.path("work.db");
  DataQueue queue_;
};

}  // namespace

TEST_CASE("log: that of a small file begins anew at 4,000 pages") {
  QueueWithLog queue;
  queue.change_pages(13'000);
  CHECK(queue.pages_of_log() >= 4'000);
  CHECK(queue.pages_of_log() < 4'500);
}

TEST_CASE("log: where commits are forced it begins anew at 1,000 pages") {
  QueueWithLog queue({.force = true});
  queue.send_pages(12'000);
  CHECK(queue.pages_of_log() >= 1'000);
  CHECK(queue.pages_of_log() < 1'500);
}

TEST_CASE("log: that of a large file gets half as long, and at most 16,000 pages") {
  QueueWithLog queue;
  queue.send_pages(30'000);
  CHECK(queue.pages_of_log() >= 6'000);
  CHECK(queue.pages_of_log() < 13'000);
  queue.send_pages(32'000);
  CHECK(queue.pages_of_log() >= 16'000);
  CHECK(queue.pages_of_log() < 17'000);
}
