// How long the log of a library gets.
#include <doctest/doctest.h>

#include <filesystem>

#include "tests/dataqueue/support.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr int kPages = 12'000;  // more than any log holds

// Of the log's file after commits of a page or little more each.
int pages_of_log(Durability durability, bool force) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  Library library(path, {.create = true, .durability = durability});
  DataQueue queue = library.create_queue("Q", {.force = force});
  constexpr int kBatch = 40;
  const std::vector<Outgoing> batch(kBatch, Outgoing{std::string(4000, 'x')});
  for (int pages = 0; pages < kPages; pages += kBatch) queue.send_batch(batch);
  return static_cast<int>(std::filesystem::file_size(path + "-wal") / 4120);
}

}  // namespace

TEST_CASE("log: it begins anew before its file gets long, the sooner the dearer a long one is") {
  const int with_force = pages_of_log(Durability::library, true);
  const int without_disk = pages_of_log(Durability::process, false);
  const int without_force = pages_of_log(Durability::library, false);
  CHECK(with_force >= 1'000);
  CHECK(with_force < 1'500);
  CHECK(without_disk >= 4'000);
  CHECK(without_disk < 4'500);
  CHECK(without_force >= 8'000);
  CHECK(without_force < 8'700);
}
