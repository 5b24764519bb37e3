// Listener and pool: their list, and the directories they keep to.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "auth/landlock.h"
#include "auth/sandbox.h"
#include "tests/auth/confined.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

bool has_landlock() {
  return ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1) > 0;
}

void require(bool holds) {
  if (!holds) _exit(2);
}

void map_to_run(int flags, int fd) {
  static_cast<void>(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, flags, fd, 0));
}

bool can_open(const std::string& path, int flags = O_RDONLY) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace

TEST_CASE("listener and pool: a thread and a channel can be made, a program and a process cannot") {
  CHECK(end_of(confine_service, [] {
          int done = 0;
          std::thread([&] { done = ::unshare(CLONE_FILES) == 0 ? 1 : 0; }).join();
          require(done == 1);
          std::array<int, 2> ends{};
          require(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0);
        }) == kAllowed);
  const Attempts attempts{
      {"execve", [] { ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
      {"execveat", [] { ::syscall(SYS_execveat, 0, "", nullptr, nullptr, 0); }},
      {"kill", [] { ::kill(::getpid(), 0); }},
      {"bind", [] { static_cast<void>(::bind(0, nullptr, 0)); }},
      {"listen", [] { ::listen(0, 1); }},
      {"setresuid", [] { ::syscall(SYS_setresuid, 0, 0, 0); }},
      {"setrlimit", [] { ::syscall(SYS_setrlimit, RLIMIT_CORE, nullptr); }},
      {"capset", [] { ::syscall(SYS_capset, nullptr, nullptr); }},
      {"mount", [] { ::syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); }},
      {"setns", [] { ::syscall(SYS_setns, 0, 0); }},
      {"chmod", [] { ::chmod("/", 0777); }},
      {"rename", [] { ::rename("/a", "/b"); }},
      {"mkdir", [] { ::mkdir("/a", 0777); }},
      {"symlink", [] { static_cast<void>(::symlink("/a", "/b")); }},
      {"io_uring_setup", [] { ::syscall(SYS_io_uring_setup, 1, nullptr); }},
  };
  for (const Attempt& attempt : attempts) {
    CAPTURE(attempt.name);
    CHECK(end_of(confine_service, attempt.act) == refused());
  }
}

TEST_CASE("listener and pool: other arguments than those they need end them") {
  SKIP_UNLESS(!kSanitized, "a sanitizer's runtime makes the calls with any arguments");
  const Attempts attempts{
      {"fork", [] { ::syscall(SYS_clone, 17, 0, 0, 0, 0); }},
      {"a socket of the network", [] { static_cast<void>(::socket(AF_INET, SOCK_DGRAM, 0)); }},
      {"a stream of this machine", [] { static_cast<void>(::socket(AF_UNIX, SOCK_STREAM, 0)); }},
      {"memory to be run", [] { map_to_run(MAP_PRIVATE | MAP_ANONYMOUS, -1); }},
      {"a file to be run", [] { map_to_run(MAP_SHARED, 0); }},
      {"memory made to run", [] { ::mprotect(nullptr, 0, PROT_READ | PROT_EXEC); }},
      {"a namespace of its own", [] { static_cast<void>(::unshare(CLONE_NEWUSER)); }},
      {"an ioctl of terminals", [] { ::ioctl(0, TIOCSTI, nullptr); }},
      {"another owner of signals", [] { ::fcntl(0, F_SETOWN, 1); }},
  };
  for (const Attempt& attempt : attempts) {
    CAPTURE(attempt.name);
    CHECK(end_of(confine_service, attempt.act) == refused());
  }
}

TEST_CASE("listener and pool: they have no capabilities, no new privileges and leave no core") {
  CHECK(end_of(confine_service, [] {
          const std::string self = "/proc/self/status";
          const int fd = ::open(self.c_str(), O_RDONLY | O_CLOEXEC);
          std::array<char, 8192> text{};
          require(::read(fd, text.data(), text.size() - 1) > 0);
          const std::string status(text.data());
          for (const char* line : {"CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapInh:\t0000000000000000",
                                   "NoNewPrivs:\t1", "Seccomp:\t2"}) {
            require(status.find(line) != std::string::npos);
          }
        }) == kAllowed);
}

TEST_CASE("listener and pool: only files in their directories can be opened") {
  SKIP_UNLESS(!kSanitized, "a leak sanitizer has to open more");
  SKIP_UNLESS(has_landlock(), "needs Landlock");
  const TemporaryDirectory directory;
  const std::string inside = directory.path("db");
  REQUIRE(::mkdir(inside.c_str(), 0700) == 0);
  const std::string outside = directory.write("outside", "x");
  const int open_before = ::open(outside.c_str(), O_RDONLY | O_CLOEXEC);
  const Ended ended = end_of(
      [&] {
        confine_service();
        keep_service_to({inside});
      },
      [&] {
        require(can_open(inside + "/new", O_RDWR | O_CREAT));
        require(can_open(inside, O_TMPFILE | O_RDWR));
        require(::unlink((inside + "/new").c_str()) == 0);
        require(can_open("/dev/urandom"));
        require(!can_open(outside));
        require(!can_open("/etc/passwd"));
        require(!can_open(directory.path("another"), O_RDWR | O_CREAT));
        require(::unlink(outside.c_str()) != 0);
        char byte = 0;
        require(::read(open_before, &byte, 1) == 1);
      });
  ::close(open_before);
  CHECK(ended == kAllowed);
}
