// What the world does to a library: full disks, files that cannot be written, damage. A clear error, and nothing hangs.
#include <doctest/doctest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

#include "dataqueue/library_transaction.h"
#include "tests/dataqueue/support.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::string integrity(Library& library) {
  return read_library(library, [](Database& d) { return d.value_of<std::string>("PRAGMA integrity_check"); });
}

void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

void limit_files_to(rlim_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  require(::setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit");
}

// Sends until it fails; how many were sent, and why it ended.
std::pair<int, int> send_until_it_fails(DataQueue& queue) {
  for (int sent = 0;; ++sent) {
    const int code = code_of([&] { queue.send(std::to_string(sent) + std::string(2000, 'x')); });
    if (code != 0) return {sent, code};
    require(sent < 10'000, "never full");
  }
}

// In order, without gap.
void receive_all(DataQueue& queue, int count) {
  for (int i = 0; i < count; ++i) {
    const auto entry = queue.receive();
    require(entry && entry->data.starts_with(std::to_string(i) + "x"), "an entry is missing");
  }
  require(!queue.receive(), "an entry too many");
}

void in_child(const std::function<void()>& body) {
  Child child(body);
  CHECK(child.wait() == 0);
}

// A small file system of its own, which goes with the child.
void with_small_disk(const std::string& at, const std::function<void()>& body) {
  in_child([&] {
    require(::unshare(CLONE_NEWNS) == 0, "unshare");
    require(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    require(::mount("none", at.c_str(), "tmpfs", 0, "size=1m") == 0, "mount");
    body();
  });
}

void fill_up(const std::string& path) {
  std::ofstream file(path);
  const std::string block(4096, 'x');
  while (file.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
  }
}

}  // namespace

TEST_CASE("faults: at the limit of file sizes a send is disk_full, and all that was sent is there afterwards") {
  const TemporaryDirectory directory;
  in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    Library library(directory.path("work.db"), {.create = true});
    DataQueue queue = library.create_queue("Q");
    limit_files_to(400'000);
    const auto [sent, code] = send_until_it_fails(queue);
    require(code == static_cast<int>(ErrorCode::disk_full), "another error");
    require(sent > 10, "full too early");
    require(queue.describe().entries == static_cast<std::uint64_t>(sent), "half an entry");
    limit_files_to(RLIM_INFINITY);
    receive_all(queue, sent);
    require(integrity(library) == "ok", "integrity");
  });
}

TEST_CASE("faults: on a full disk calls fail at once, and go on when there is room") {
  SKIP_UNLESS(::geteuid() == 0, "mounts a file system");
  const TemporaryDirectory directory;
  for (const bool force : {false, true}) {
    CAPTURE(force);
    with_small_disk(directory.path(), [&] {
      Library library(directory.path("work.db"), {.create = true});
      DataQueue queue = library.create_queue("Q", {.force = force});
      DataQueue other = library.create_queue("OTHER");
      Messages heard;
      Child waiter([&] { heard.say(data_of(other.receive(Wait::for_ever()))); });
      require(waiting(other, 1), "the waiter");
      fill_up(directory.path("filler"));
      const auto [sent, code] = send_until_it_fails(queue);
      require(code == static_cast<int>(ErrorCode::disk_full), "another error");
      require(code_of([&] { Library(directory.path("new.db"), {.create = true}); }) ==
                  static_cast<int>(ErrorCode::disk_full),
              "a new library");
      std::filesystem::remove(directory.path("filler"));
      other.send("room");
      require(heard.hear() == "room", "the waiter hangs");
      receive_all(queue, sent);
      require(integrity(library) == "ok", "integrity");
    });
  }
}

TEST_CASE("faults: a dead waiter's entry is not lost when the disk is full as it is put back") {
  SKIP_UNLESS(::geteuid() == 0, "mounts a file system");
  const TemporaryDirectory directory;
  with_small_disk(directory.path(), [&] {
    Library library(directory.path("work.db"), {.create = true});
    DataQueue queue = library.create_queue("Q");
    library.create_queue("FULL");
    Child waiter([&] { (void)queue.receive(Wait::for_ever()); });
    require(waiting(queue, 1), "the waiter");
    waiter.stop();
    queue.send("handed");
    fill_up(directory.path("filler"));
    DataQueue full = library.queue("FULL");
    (void)send_until_it_fails(full);
    waiter.kill();
    require(code_of([&] { queue.send("x"); }) == static_cast<int>(ErrorCode::disk_full), "no error");
    std::filesystem::remove(directory.path("filler"));
    require(data_of(queue.receive()) == "handed", "lost");
  });
}

TEST_CASE("faults: on a read-only file system everything that changes is read_only, and looking goes on") {
  SKIP_UNLESS(::geteuid() == 0, "mounts a file system");
  const TemporaryDirectory directory;
  with_small_disk(directory.path(), [&] {
    const std::string path = directory.path("work.db");
    Child maker([&] { Library(path, {.create = true}).create_queue("Q").send("one"); });
    require(maker.wait() == 0, "the maker");
    require(::mount("none", directory.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0, "remount");
    Library library(path);
    DataQueue queue = library.queue("Q");
    for (const int code : {code_of([&] { queue.send("x"); }), code_of([&] { (void)queue.receive(); }),
                           code_of([&] { (void)queue.peek(1s); }), code_of([&] { queue.clear(); }),
                           code_of([&] { library.create_queue("R"); })}) {
      require(code == static_cast<int>(ErrorCode::read_only), "another code");
    }
    require(data_of(queue.peek()) == "one", "peek");
  });
}

TEST_CASE("faults: a file that nobody may write is read_only") {
  SKIP_UNLESS(::geteuid() == 0, "becomes another user");
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  in_child([&] { Library(path, {.create = true}).create_queue("Q").send("one"); });
  for (const char* suffix : {"", "-wal", "-shm", "-sidecar"}) {
    if (std::filesystem::exists(path + suffix)) REQUIRE(::chmod((path + suffix).c_str(), 0444) == 0);
  }
  REQUIRE(::chmod(directory.path().c_str(), 0777) == 0);
  in_child([&] {
    require(::setgid(65534) == 0 && ::setuid(65534) == 0, "setuid");
    require(code_of([&] { Library(path).queue("Q").send("x"); }) == static_cast<int>(ErrorCode::read_only), "the code");
  });
}

TEST_CASE("faults: damage of any page is reported as damaged or not met, and never hangs or crashes") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  in_child([&] {
    Library library(path, {.create = true});
    DataQueue queue = library.create_queue("Q");
    DataQueue keyed = library.create_queue("K", {.sequence = Sequence::keyed, .key_length = 2});
    for (int i = 0; i < 200; ++i) {
      queue.send(std::string(300, 'x'));
      keyed.send(std::string(300, 'x'), Key::text(std::to_string(i % 100)));
    }
  });
  in_child([&] {  // everything into the one file
    Library library(path);
    library.state()->connection().database.checkpoint();
  });
  std::filesystem::remove(path + "-wal");
  const std::string good = read_file(path);
  const std::size_t pages = good.size() / 4096;
  REQUIRE(pages > 10);
  int reported = 0;
  for (std::size_t page = 0; page < pages; ++page) {
    CAPTURE(page);
    std::string bad = good;
    for (std::size_t i = page * 4096; i < (page + 1) * 4096; i += 3) bad[i] = static_cast<char>(~bad[i]);
    directory.write("bad" + std::to_string(page) + ".db", bad);
    Child child([&] {
      int code = 0;
      try {
        Library library(directory.path("bad" + std::to_string(page) + ".db"));
        DataQueue queue = library.queue("Q");
        DataQueue keyed = library.queue("K");
        while (queue.receive()) {
        }
        while (keyed.receive({KeyOrder::ge, Key::text("")})) {
        }
        queue.send("x");
      } catch (const Error& error) {
        code = static_cast<int>(error.code());
      }
      ::_exit(code);
    });
    const int code = child.wait();
    CHECK((code == 0 || code == static_cast<int>(ErrorCode::damaged) || code == static_cast<int>(ErrorCode::io) ||
           code == static_cast<int>(ErrorCode::queue_not_found) || code == static_cast<int>(ErrorCode::wrong_version)));
    reported += code == static_cast<int>(ErrorCode::damaged) ? 1 : 0;
  }
  CHECK(reported >= 5);
}

TEST_CASE("faults: a file that was cut short is damaged") {
  const TemporaryDirectory directory;
  const std::string path = directory.path("work.db");
  in_child([&] { Library(path, {.create = true}).create_queue("Q"); });
  std::filesystem::remove(path + "-wal");
  for (const std::uintmax_t size : {0U, 50U, 4096U, 9000U}) {
    CAPTURE(size);
    std::filesystem::resize_file(path, size);
    CHECK_ERROR(Library(path).queue("Q"), damaged);
  }
}
