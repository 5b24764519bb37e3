// The login process' list: what it lets through, and that everything else ends the process.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "tests/auth/confined.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr std::size_t kPage = 4096;

void map(int protection, int flags, int fd = -1) {
  static_cast<void>(::mmap(nullptr, kPage, protection, flags, fd, 0));
}

}  // namespace

TEST_CASE("login process' list: what it lives by goes through") {
  auto [ours, theirs] = make_stream_pair();
  const int socket = ours.get();
  const Attempts attempts{
      {"send", [&] { ::send(socket, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT); }},
      {"recv", [&] {
         char byte = 0;
         ::recv(socket, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
       }},
      {"poll", [&] {
         pollfd one{socket, POLLOUT, 0};
         ::poll(&one, 1, 0);
       }},
      {"memory", [] { map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS); }},
      {"giving memory back", [] { ::madvise(nullptr, 0, MADV_DONTNEED); }},
      {"waking nobody", [] {
         int word = 0;
         ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1);
       }},
      {"end of sending", [&] { ::shutdown(socket, SHUT_WR); }},
      {"close", [&] { ::close(socket); }},
  };
  for (const Attempt& attempt : attempts) {
    CAPTURE(attempt.name);
    CHECK(end_under(login_system_calls(), attempt.act) == kAllowed);
  }
}

TEST_CASE("login process' list: what it does not need ends it") {
  const Attempts attempts{
      {"socket", [] { static_cast<void>(::socket(AF_INET, SOCK_STREAM, 0)); }},
      {"socketpair", [] {
         std::array<int, 2> ends{};
         ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
       }},
      {"connect", [] { static_cast<void>(::connect(0, nullptr, 0)); }},
      {"accept4", [] { static_cast<void>(::accept4(0, nullptr, nullptr, 0)); }},
      {"kill", [] { ::kill(::getpid(), 0); }},
      {"fork", [] { ::syscall(SYS_clone, 17, 0, 0, 0, 0); }},
      {"clone3", [] { ::syscall(SYS_clone3, nullptr, 0); }},
      {"execve", [] { ::syscall(SYS_execve, "/bin/true", nullptr, nullptr); }},
      {"ioctl", [] { ::ioctl(0, FIONREAD, nullptr); }},
      {"fcntl", [] { ::fcntl(0, F_GETFL); }},
      {"dup2", [] { ::dup2(0, 5); }},
      {"setsockopt", [] { ::setsockopt(0, SOL_SOCKET, SO_PASSCRED, nullptr, 0); }},
      {"seccomp", [] { ::syscall(SYS_seccomp, 0, 0, nullptr); }},
      {"unshare", [] { ::syscall(SYS_unshare, 0); }},
      {"mount", [] { ::syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); }},
      {"chroot", [] { ::syscall(SYS_chroot, "/"); }},
      {"setresuid", [] { ::syscall(SYS_setresuid, 0, 0, 0); }},
      {"process_vm_writev", [] { ::syscall(SYS_process_vm_writev, 1, nullptr, 0, nullptr, 0, 0); }},
      {"io_uring_setup", [] { ::syscall(SYS_io_uring_setup, 1, nullptr); }},
      {"bpf", [] { ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"keyctl", [] { ::syscall(SYS_keyctl, 0, 0); }},
      {"a number that is no call", [] { ::syscall(100'000); }},
#ifdef __x86_64__
      {"a call of the x32 kind", [] { ::syscall(0x40000000 | SYS_getpid); }},
#endif
  };
  for (const Attempt& attempt : attempts) {
    CAPTURE(attempt.name);
    if (kSanitized && std::string_view(attempt.name) == "fork") continue;  // a leak sanitizer has it
    CHECK(end_under(login_system_calls(), attempt.act) == refused());
  }
}

TEST_CASE("login process' list: other arguments than those it needs end it") {
  SKIP_UNLESS(!kSanitized, "a sanitizer's runtime makes the calls with any arguments");
  auto [ours, theirs] = make_stream_pair();
  const int socket = ours.get();
  const Attempts attempts{
      {"memory to be run", [] { map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS); }},
      {"memory that is shared", [] { map(PROT_READ, MAP_SHARED | MAP_ANONYMOUS); }},
      {"memory of a file", [] { map(PROT_READ, MAP_PRIVATE, 0); }},
      {"another protection", [] { ::mprotect(nullptr, 0, PROT_READ | PROT_EXEC); }},
      {"advice other than giving back", [] { ::madvise(nullptr, 0, MADV_HUGEPAGE); }},
      {"waiting on a futex", [] {
         int word = 0;
         ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, nullptr);
       }},
      {"sending to an address", [&] {
         const sockaddr to{};
         ::sendto(socket, "x", 1, MSG_NOSIGNAL, &to, sizeof to);
       }},
      {"asking who sent", [&] {
         sockaddr from{};
         socklen_t size = sizeof from;
         ::recvfrom(socket, nullptr, 0, MSG_DONTWAIT, &from, &size);
       }},
      {"shutting the client's side down", [&] { ::shutdown(socket, SHUT_RDWR); }},
  };
  for (const Attempt& attempt : attempts) {
    CAPTURE(attempt.name);
    CHECK(end_under(login_system_calls(), attempt.act) == refused());
  }
}
