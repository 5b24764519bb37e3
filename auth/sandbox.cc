#include "auth/sandbox.h"

#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "auth/become_user.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::array kLoginCalls{
    AllowedCall{"recvmsg", "takes the client and the worker's messages"},
    AllowedCall{"sendmsg", "answers the worker"},
    AllowedCall{"recvfrom", "reads the client's lines"},
    AllowedCall{"sendto", "writes to the client"},
    AllowedCall{"poll", "waits for the client or the worker"},
    AllowedCall{"ppoll", "what libc makes of poll where there is no such call"},
    AllowedCall{"shutdown", "closes the connection in order"},
    AllowedCall{"close", "gives the client's descriptor up"},
    AllowedCall{"exit_group", "ends"},
    AllowedCall{"brk", "memory for lines and messages"},
    AllowedCall{"munmap", "gives memory back"},
    AllowedCall{"clock_gettime", "deadlines, where the kernel offers no vdso clock"},
    AllowedCall{"clock_gettime64", "the same on 32-bit machines"},
    AllowedCall{"restart_syscall", "a poll that was stopped and goes on"},
    AllowedCall{"getpid", "OpenSSL asks whether its random numbers are still this process's own"},
    AllowedCall{"getrandom", "keys of a handshake"},
    AllowedCall{"rt_sigreturn", "the end of a signal handler of the runtime"},
#ifdef USHER_SANITIZED
    AllowedCall{"mprotect", "sanitizer runtime"},
    AllowedCall{"sigaltstack", "sanitizer runtime"},
    AllowedCall{"rt_sigprocmask", "sanitizer runtime"},
    AllowedCall{"rt_sigaction", "sanitizer runtime"},
    AllowedCall{"gettid", "sanitizer runtime"},
    AllowedCall{"write", "sanitizer reports"},
    AllowedCall{"readlink", "sanitizer reports"},
    AllowedCall{"open", "sanitizer reports"},
    AllowedCall{"openat", "sanitizer reports"},
    AllowedCall{"read", "sanitizer reports"},
    AllowedCall{"fstat", "sanitizer reports"},
    AllowedCall{"newfstatat", "sanitizer reports"},
    AllowedCall{"lseek", "sanitizer reports"},
    AllowedCall{"sched_yield", "sanitizer runtime"},
#endif
};

struct Release {
  void operator()(void* context) const noexcept { seccomp_release(context); }
};
using Context = std::unique_ptr<void, Release>;

void require(int result, const std::string& what) {
  if (result < 0) throw Error(ErrorCode::io, what, -result);
}

void allow(const Context& context, const char* name) {
  const int number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR) throw Error(ErrorCode::io, std::string("libseccomp knows no system call ") + name);
  if (number < 0) return;  // not a call of this architecture
  require(seccomp_rule_add(context.get(), SCMP_ACT_ALLOW, number, 0), std::string("allow ") + name);
}

scmp_arg_cmp argument(unsigned number, scmp_compare compare, scmp_datum_t one, scmp_datum_t other = 0) {
  return {number, compare, one, other};
}

// A call that is allowed with certain arguments only; a sanitizer's runtime makes it with others as well.
void allow_with(const Context& context, const char* name, std::initializer_list<scmp_arg_cmp> arguments) {
#ifdef USHER_SANITIZED
  static_cast<void>(arguments);
  allow(context, name);
#else
  const int number = seccomp_syscall_resolve_name(name);
  require(seccomp_rule_add_array(context.get(), SCMP_ACT_ALLOW, number, static_cast<unsigned>(arguments.size()),
                                 arguments.begin()),
          std::string("allow ") + name);
#endif
}

// Memory comes neither from a file nor to be run, and is only given back; and the C++ runtime wakes whoever waits for its first exception to be set
// up, which nobody does.
void allow_harmless_uses(const Context& context) {
  constexpr scmp_datum_t kExec = PROT_EXEC;
  constexpr scmp_datum_t kAnonymous = MAP_ANONYMOUS;
  allow_with(context, "mmap", {argument(2, SCMP_CMP_MASKED_EQ, kExec, 0), argument(3, SCMP_CMP_MASKED_EQ, kAnonymous, kAnonymous)});
  allow_with(context, "madvise", {argument(2, SCMP_CMP_EQ, MADV_DONTNEED)});
  allow_with(context, "futex", {argument(1, SCMP_CMP_EQ, FUTEX_WAKE_PRIVATE)});
}

void limit(__rlimit_resource_t resource, rlim_t most) {
  const rlimit both{most, most};
  check(setrlimit(resource, &both), "limit the login process");
}

void limit_resources() {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
#ifndef USHER_SANITIZED
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_NOFILE, 8);
  limit(RLIMIT_DATA, rlim_t{64} << 20);
#endif
}

}  // namespace

std::span<const AllowedCall> login_system_calls() { return kLoginCalls; }

SystemCallFilter::SystemCallFilter() {
  const Context context(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!context) throw Error(ErrorCode::io, "libseccomp cannot make a filter");
  require(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "ask for a binary-tree filter");
  for (const AllowedCall& call : kLoginCalls) allow(context, call.name);
  allow_harmless_uses(context);

  const UniqueFd file(check(memfd_create("usher-filter", MFD_CLOEXEC), "make room for the filter"));
  require(seccomp_export_bpf(context.get(), file.get()), "compile the filter");
  const off_t size = check(lseek(file.get(), 0, SEEK_END), "measure the filter");
  program_.resize(static_cast<std::size_t>(size) / sizeof(sock_filter));
  static_assert(sizeof(sock_filter) == sizeof(program_[0]));
  const ssize_t got = check(pread(file.get(), program_.data(), static_cast<std::size_t>(size), 0), "read the filter");
  if (got != size) throw Error(ErrorCode::io, "the compiled filter is cut short");
}

void SystemCallFilter::load() const {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(program_.size());
  program.filter = const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(program_.data()));  // NOLINT: kernel shape
  check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program), "load the system-call filter");
}

void enter_sandbox(const Jail& jail, const SystemCallFilter& filter) {
  if (!jail.root.empty()) {
    check(chroot(jail.root.c_str()), "change root to " + jail.root);
    check(chdir("/"), "enter the empty root");
  }
  limit_resources();
  become(jail.account, Groups::none);
  check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "forbid dumps and tracing");
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges");
  check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "end with the worker");
  filter.load();
}

}  // namespace usher
