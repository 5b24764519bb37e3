#include "auth/system_calls.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace usher {
namespace {

// An int in a register: its upper half is nobody's.
constexpr std::uint64_t kInt = 0xFFFFFFFF;

constexpr ArgumentRule is(unsigned number, int value) { return {number, kInt, static_cast<std::uint64_t>(value)}; }
constexpr ArgumentRule has(unsigned number, int bits) {
  return {number, static_cast<std::uint64_t>(bits), static_cast<std::uint64_t>(bits)};
}
constexpr ArgumentRule has_not(unsigned number, int bits) { return {number, static_cast<std::uint64_t>(bits), 0}; }
constexpr ArgumentRule is_null(unsigned number) { return {number, ~std::uint64_t{0}, 0}; }

// Of a kind of mapping: the bits that tell whether it is private and whether a file is behind it.
constexpr ArgumentRule kPrivateMemory{3, MAP_TYPE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS};
constexpr ArgumentRule kSharedFile{3, MAP_TYPE | MAP_ANONYMOUS, MAP_SHARED};
constexpr ArgumentRule kNotToRun = has_not(2, PROT_EXEC);

constexpr std::array kLoginCalls{
    AllowedCall{"recvmsg", "takes the client and the worker's messages"},
    AllowedCall{"sendmsg", "answers the worker"},
    AllowedCall{"recvfrom", "reads what the client sends; no address is asked for", {is_null(4)}},
    AllowedCall{"sendto", "writes to the client; never to an address", {is_null(4)}},
    AllowedCall{"poll", "waits for the client or the worker"},
    AllowedCall{"ppoll", "sleeps until a refusal is due; and what libc makes of poll where there is no such call"},
    AllowedCall{"shutdown", "closes the connection in order: its sending side only", {is(1, SHUT_WR)}},
    AllowedCall{"close", "gives the client's descriptor up"},
    AllowedCall{"exit_group", "ends"},
    AllowedCall{"brk", "memory for lines and messages"},
    AllowedCall{"mmap", "memory; neither of a file, nor shared, nor to be run", {kNotToRun, kPrivateMemory}},
    AllowedCall{"mmap2", "the same on 32-bit machines", {kNotToRun, kPrivateMemory}},
    AllowedCall{"munmap", "gives memory back"},
    AllowedCall{"madvise", "gives free memory of an idle relay back", {is(2, MADV_DONTNEED)}},
    AllowedCall{"futex", "the C++ runtime wakes whoever waits for its first exception to be set up: nobody",
                {is(1, FUTEX_WAKE_PRIVATE)}},
    AllowedCall{"clock_gettime", "deadlines, where the kernel offers no vdso clock"},
    AllowedCall{"clock_gettime64", "the same on 32-bit machines"},
    AllowedCall{"restart_syscall", "a poll that was stopped and goes on"},
    AllowedCall{"getpid", "OpenSSL asks whether its random numbers are still this process's own"},
    AllowedCall{"getrandom", "keys of a handshake"},
    AllowedCall{"rt_sigreturn", "the end of a signal handler of the runtime"},
};

// What listener and pool both do: an event loop, messages, and the registry's database.
constexpr std::array kServiceCalls{
    AllowedCall{"epoll_wait", "waits for clients, messages and time"},
    AllowedCall{"epoll_pwait", "the same where there is no such call"},
    AllowedCall{"epoll_ctl", "what to wait for"},
    AllowedCall{"recvmsg", "takes messages and descriptors"},
    AllowedCall{"sendmsg", "sends messages and descriptors"},
    AllowedCall{"sendto", "log lines for syslog, and the listener's last lines; never to an address", {is_null(4)}},
    AllowedCall{"recvfrom", "the orderly close discards what still comes", {is_null(4)}},
    AllowedCall{"shutdown", "the orderly close, and the end of who was evicted"},
    AllowedCall{"accept4", "takes clients, or workers that come back to a new pool"},
    AllowedCall{"getsockopt", "proves what a descriptor is and who its peer is"},
    AllowedCall{"setsockopt", "keep-alive and time-outs of a connection"},
    AllowedCall{"ioctl", "whether something waits unread in a channel, or from a client: FIONREAD", {is(1, FIONREAD)}},
    AllowedCall{"getpeername", "who the peer is"},
    AllowedCall{"getsockname", "which address was connected to"},
    AllowedCall{"socketpair", "channels to workers", {is(0, AF_UNIX)}},
    AllowedCall{"socket", "syslog, should it have been started anew", {is(0, AF_UNIX), ArgumentRule{1, 0xF, SOCK_DGRAM}}},
    AllowedCall{"connect", "the same: only sockets for datagrams of this machine can be made"},
    AllowedCall{"poll", "waits on one channel"},
    AllowedCall{"ppoll", "the same where there is no such call"},
    AllowedCall{"close", "gives descriptors up"},
    AllowedCall{"eventfd2", "tells the event loop that the ready queue has something"},
    AllowedCall{"fcntl", "SQLite's locks", {is(1, F_SETLK)}},
    AllowedCall{"fcntl", "SQLite's locks", {is(1, F_SETLKW)}},
    AllowedCall{"fcntl", "SQLite's locks", {is(1, F_GETLK)}},
    AllowedCall{"fcntl", "who may set a data queue's sidecar up", {is(1, F_OFD_SETLK)}},
    AllowedCall{"fcntl", "who may set a data queue's sidecar up", {is(1, F_OFD_SETLKW)}},
    AllowedCall{"fcntl", "copies of descriptors", {is(1, F_DUPFD_CLOEXEC)}},
    AllowedCall{"fcntl", "whether a descriptor blocks", {is(1, F_GETFL)}},
    AllowedCall{"fcntl", "a descriptor that shall not block", {is(1, F_SETFL)}},
    AllowedCall{"fcntl", "SQLite looks at a descriptor's flags", {is(1, F_GETFD)}},
    AllowedCall{"fcntl", "SQLite closes descriptors on exec", {is(1, F_SETFD)}},
    AllowedCall{"fcntl", "that the configuration is sealed", {is(1, F_GET_SEALS)}},
    AllowedCall{"flock", "who is first to set a data queue's sidecar up"},
    AllowedCall{"openat", "the database's files; Landlock says which"},
    AllowedCall{"open", "the same by its old name"},
    AllowedCall{"read", "files, and what the event loop is told"},
    AllowedCall{"write", "files, log lines, and what the event loop is told"},
    AllowedCall{"pread64", "the database"},
    AllowedCall{"pwrite64", "the database"},
    AllowedCall{"lseek", "sizes of files"},
    AllowedCall{"ftruncate", "the database's files"},
    AllowedCall{"fallocate", "room for a sidecar before it is mapped"},
    AllowedCall{"fsync", "what was written stays"},
    AllowedCall{"fdatasync", "what was written stays"},
    AllowedCall{"unlink", "the database's journals; logs of jobs past keeping"},
    AllowedCall{"unlinkat", "the same by its new name"},
    AllowedCall{"link", "names a file that is whole"},
    AllowedCall{"linkat", "names a file that is whole"},
    AllowedCall{"fchmod", "the mode of a new file"},
    AllowedCall{"fchown", "the owner of SQLite's journals: that of the database"},
    AllowedCall{"stat", "is it still that file"},
    AllowedCall{"lstat", "is it still that file"},
    AllowedCall{"fstat", "is it still that file"},
    AllowedCall{"fstat64", "the same on 32-bit machines"},
    AllowedCall{"stat64", "the same on 32-bit machines"},
    AllowedCall{"lstat64", "the same on 32-bit machines"},
    AllowedCall{"fstatat64", "the same on 32-bit machines"},
    AllowedCall{"newfstatat", "is it still that file"},
    AllowedCall{"statx", "is it still that file"},
    AllowedCall{"access", "SQLite looks whether a journal is there"},
    AllowedCall{"faccessat", "SQLite looks whether a journal is there"},
    AllowedCall{"faccessat2", "SQLite looks whether a journal is there"},
    AllowedCall{"readlink", "whose job this is: the program's own name; and paths in full"},
    AllowedCall{"readlinkat", "the same by its new name"},
    AllowedCall{"getcwd", "SQLite makes paths whole"},
    AllowedCall{"geteuid", "SQLite leaves the owner of a file alone unless it is root"},
    AllowedCall{"geteuid32", "the same on 32-bit machines"},
    AllowedCall{"getuid", "whose job this is"},
    AllowedCall{"getuid32", "the same on 32-bit machines"},
    AllowedCall{"getpid", "lines of the log; what was inherited by fork and is not its own"},
    AllowedCall{"gettid", "locks of the data queue name their holder"},
    AllowedCall{"prlimit64", "asks how many descriptors there may be; sets no limit", {is(0, 0), is_null(2)}},
    AllowedCall{"getrlimit", "the same by its old name"},
    AllowedCall{"ugetrlimit", "the same on 32-bit machines"},
    AllowedCall{"getrandom", "ids of jobs and entries"},
    AllowedCall{"brk", "memory"},
    AllowedCall{"mmap", "memory; not to be run", {kNotToRun, kPrivateMemory}},
    AllowedCall{"mmap", "the database's index of its journal, and sidecars; not to be run", {kNotToRun, kSharedFile}},
    AllowedCall{"mmap2", "the same on 32-bit machines", {kNotToRun, kPrivateMemory}},
    AllowedCall{"mmap2", "the same on 32-bit machines", {kNotToRun, kSharedFile}},
    AllowedCall{"mremap", "memory that grows"},
    AllowedCall{"munmap", "gives memory back"},
    AllowedCall{"mprotect", "stacks and heaps of threads; never to be run", {kNotToRun}},
    AllowedCall{"madvise", "stacks of threads that ended; pages that a fork must not have"},
    AllowedCall{"futex", "locks and waits of the data queue"},
    AllowedCall{"futex_time64", "the same on 32-bit machines"},
    AllowedCall{"futex_waitv", "waits of the data queue for several words"},
    AllowedCall{"clone", "a thread that waits for the ready queue; no process", {has(0, CLONE_THREAD | CLONE_VM)}},
    AllowedCall{"clone3", "libc then takes clone, whose flags can be looked at", {}, CallAnswer::no_such_call},
    AllowedCall{"unshare", "a thread that closes what others have sent needs descriptors of its own", {is(0, CLONE_FILES)}},
    AllowedCall{"set_robust_list", "the start of a thread"},
    AllowedCall{"get_robust_list", "what is in it, to mend locks"},
    AllowedCall{"rseq", "the start of a thread"},
    AllowedCall{"rt_sigprocmask", "the start of a thread, without signals"},
    AllowedCall{"rt_sigaction", "the start of the first thread"},
    AllowedCall{"rt_sigreturn", "the end of a signal handler of the runtime"},
    AllowedCall{"exit", "the end of a thread"},
    AllowedCall{"exit_group", "ends"},
    AllowedCall{"clock_gettime", "time, where the kernel offers no vdso clock"},
    AllowedCall{"clock_gettime64", "the same on 32-bit machines"},
    AllowedCall{"gettimeofday", "time, where the kernel offers no vdso clock"},
    AllowedCall{"nanosleep", "SQLite waits for a lock"},
    AllowedCall{"clock_nanosleep", "SQLite waits for a lock"},
    AllowedCall{"clock_nanosleep_time64", "the same on 32-bit machines"},
    AllowedCall{"sched_yield", "a lock that is about to be free"},
    AllowedCall{"sched_getaffinity", "how many processors there are to wait on"},
    AllowedCall{"restart_syscall", "a wait that was stopped and goes on"},
    AllowedCall{"landlock_create_ruleset", "shuts itself out of files, once its directories are known"},
    AllowedCall{"landlock_add_rule", "the same"},
    AllowedCall{"landlock_restrict_self", "the same"},
};

#ifdef USHER_SANITIZED
constexpr std::array kSanitizerCalls{
    AllowedCall{"mprotect", "sanitizer runtime"},
    AllowedCall{"sigaltstack", "sanitizer runtime"},
    AllowedCall{"rt_sigprocmask", "sanitizer runtime"},
    AllowedCall{"rt_sigaction", "sanitizer runtime"},
    AllowedCall{"gettid", "sanitizer runtime"},
    AllowedCall{"getppid", "sanitizer runtime"},
    AllowedCall{"write", "sanitizer reports"},
    AllowedCall{"readlink", "sanitizer reports"},
    AllowedCall{"open", "sanitizer reports"},
    AllowedCall{"openat", "sanitizer reports"},
    AllowedCall{"read", "sanitizer reports"},
    AllowedCall{"fstat", "sanitizer reports"},
    AllowedCall{"newfstatat", "sanitizer reports"},
    AllowedCall{"lseek", "sanitizer reports"},
    AllowedCall{"sched_yield", "sanitizer runtime"},
    AllowedCall{"pipe", "sanitizer runtime, to see whether memory can be read"},
    AllowedCall{"pipe2", "the same"},
    AllowedCall{"close", "the same"},
    AllowedCall{"clone", "a leak sanitizer looks from a thread of its own"},
    AllowedCall{"prctl", "a leak sanitizer traces its own process"},
    AllowedCall{"ptrace", "a leak sanitizer traces its own process"},
    AllowedCall{"wait4", "a leak sanitizer traces its own process"},
    AllowedCall{"getdents64", "a leak sanitizer lists its own threads"},
    AllowedCall{"getrlimit", "sanitizer runtime"},
    AllowedCall{"prlimit64", "sanitizer runtime"},
    AllowedCall{"process_vm_readv", "sanitizer reports"},
};
#else
constexpr std::array<AllowedCall, 0> kSanitizerCalls{};
#endif

template <class... Lists>
SystemCalls joined(const Lists&... lists) {
  SystemCalls all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  all.insert(all.end(), kSanitizerCalls.begin(), kSanitizerCalls.end());
  return all;
}

}  // namespace

SystemCalls login_system_calls() { return joined(kLoginCalls); }
SystemCalls service_system_calls() { return joined(kServiceCalls); }

}  // namespace usher
