// How long the log of a library gets.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

// As many entries of a page each as these.
void send_pages(DataQueue& queue, int pages) {
  constexpr int kBatch = 40;
  const std::vector<Outgoing> batch(kBatch, Outgoing{std::string(4000, 'x')});
  for (int sent = 0; sent < pages; sent += kBatch) queue.send_batch(batch);
}

// Each commit changes at least one page, and the file stays small.
void change_pages(DataQueue& queue, int commits) {
  for (int i = 0; i < commits; i += 2) {
    queue.send("x");
    REQUIRE(queue.receive());
  }
}

int pages_of_log(const std::string& path) {
  return static_cast<int>(std::filesystem::file_size(path + "-wal") / 4120);
}

}  // namespace

TEST_CASE("log: that of a small file begins anew at 4,000 pages") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  DataQueue queue = Library(path, {.create = true}).create_queue("Q");
  change_pages(queue, 13'000);
  CHECK(pages_of_log(path) >= 4'000);
  CHECK(pages_of_log(path) < 4'500);
}

TEST_CASE("log: where commits are forced it begins anew at 1,000 pages") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  DataQueue queue = Library(path, {.create = true}).create_queue("Q", {.force = true});
  send_pages(queue, 12'000);
  CHECK(pages_of_log(path) >= 1'000);
  CHECK(pages_of_log(path) < 1'500);
}

TEST_CASE("log: that of a large file gets half as long, and at most 16,000 pages") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  DataQueue queue = Library(path, {.create = true}).create_queue("Q");
  send_pages(queue, 30'000);
  CHECK(pages_of_log(path) >= 6'000);
  CHECK(pages_of_log(path) < 13'000);
  send_pages(queue, 32'000);
  CHECK(pages_of_log(path) >= 16'000);
  CHECK(pages_of_log(path) < 17'000);
}
