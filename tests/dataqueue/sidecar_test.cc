// The sidecar file: whose it is, when it is made anew, and that a full disk or a dead maker does no harm.
#include "dataqueue/sidecar.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "tests/dataqueue/support.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  TemporaryDirectory directory;
  std::string path = directory.path("work.db");
  std::string sidecar = path + "-sidecar";
  Messages heard;

  // In a child, so that nobody has the library open when it returns.
  void in_child(const std::function<void()>& body) const {
    Child child(body);
    REQUIRE(child.wait() == 0);
  }
  void make_queue() const {
    in_child([&] { Library(path, {.create = true}).create_queue("Q").send("one"); });
  }
  void overwrite(off_t offset, const std::string& bytes) const {
    const UniqueFd file(::open(sidecar.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::pwrite(file.get(), bytes.data(), bytes.size(), offset) == static_cast<ssize_t>(bytes.size()));
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture,
                  "sidecar: one of an earlier boot is made anew, and what the dead of that boot held is free") {
  make_queue();
  in_child([&] {
    Library library(path);
    auto lease = library.queue("Q").lease();
    Child([&] {}).wait();
    ::_exit(lease ? 0 : 1);  // without giving it back
  });
  overwrite(offsetof(Control, identity) + offsetof(SidecarIdentity, boot_id), "another boot");
  Library library(path);
  DataQueue queue = library.queue("Q");
  const auto entry = queue.receive();
  REQUIRE(entry);
  CHECK(entry->data == "one");
  CHECK(entry->deliveries == 1);
  queue.send("two");
  CHECK(queue.receive()->number > entry->number);
}

TEST_CASE_FIXTURE(Fixture, "sidecar: an empty, a short and an incomplete one are made anew") {
  make_queue();
  REQUIRE(::truncate(sidecar.c_str(), 0) == 0);
  in_child([&] { Library(path).queue("Q").send("two"); });
  REQUIRE(::truncate(sidecar.c_str(), 5000) == 0);
  in_child([&] { Library(path).queue("Q").send("three"); });
  overwrite(offsetof(Control, complete), std::string(4, '\0'));
  Library library(path);
  DataQueue queue = library.queue("Q");
  for (const char* data : {"one", "two", "three"}) CHECK(data_of(queue.receive()) == data);
}

TEST_CASE_FIXTURE(Fixture, "sidecar: one that processes of another pid namespace use is left to them") {
  SKIP_UNLESS(::geteuid() == 0, "makes a pid namespace");
  make_queue();
  Messages go;
  Child other([&] {
    if (::unshare(CLONE_NEWPID) != 0) throw std::runtime_error("unshare");
    Child inner([&] {
      Library library(path);
      heard.say("open");
      (void)go.hear();
    });
    if (inner.wait() != 0) throw std::runtime_error("the inner one failed");
  });
  REQUIRE(heard.hear() == "open");
  CHECK_ERROR(Library(path).queue("Q"), busy);
  go.say("end");
  CHECK(other.wait() == 0);
  Library library(path);
  DataQueue queue = library.queue("Q");
  CHECK(data_of(queue.receive()) == "one");
}

TEST_CASE_FIXTURE(Fixture, "sidecar: removed under its users it is missed, and they say so") {
  Library library(path, {.create = true});
  DataQueue queue = library.create_queue("Q");
  std::filesystem::remove(sidecar);
  CHECK(
      wait_until([&] { return code_of([&] { queue.send("x"); }) == static_cast<int>(ErrorCode::library_not_found); }));
  Library again(path);
  CHECK_NOTHROW(again.queue("Q").send("y"));
}

TEST_CASE_FIXTURE(Fixture, "sidecar: grows with those who wait, and a full disk is an error, not a signal") {
  struct stat database {};
  make_queue();
  REQUIRE(::stat(path.c_str(), &database) == 0);
  in_child([&] {
    Sidecar own(path + "-other", database);
    const std::uint32_t before = own.slots();
    own.grow();
    if (own.slots() != 2 * before) throw std::runtime_error("did not grow");
    const rlimit limit{sidecar_bytes(own.slots()), sidecar_bytes(own.slots())};
    ::signal(SIGXFSZ, SIG_IGN);
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) throw std::runtime_error("setrlimit");
    if (code_of([&] { own.grow(); }) != static_cast<int>(ErrorCode::disk_full)) throw std::runtime_error("no error");
    if (own.slots() != 2 * before) throw std::runtime_error("grew");
  });
}

TEST_CASE_FIXTURE(Fixture, "sidecar: many that open a new library at once all get the same one") {
  std::vector<Child> children;
  children.reserve(8);
  for (int i = 0; i < 8; ++i) {
    children.emplace_back([&] {
      Library library(path, {.create = true});
      try {
        library.create_queue("Q");
      } catch (const Error& error) {
        if (error.code() != ErrorCode::already_exists) throw;
      }
      library.queue("Q").send("x");
    });
  }
  for (Child& child : children) CHECK(child.wait() == 0);
  Library library(path);
  CHECK(library.queue("Q").describe().entries == 8);
}
