#include "auth/sandbox.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "auth/become_user.h"
#include "auth/capabilities.h"
#include "auth/empty_network.h"
#include "auth/landlock.h"
#include "base/system.h"

namespace usher {
namespace {

void limit(__rlimit_resource_t resource, rlim_t most) {
  const rlimit both{most, most};
  check(setrlimit(resource, &both), "limit this process");
}

// Not RLIMIT_AS: it would count the libraries of PAM's modules. RLIMIT_DATA counts all memory that the filter lets it have.
void limit_login_process() {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
#ifndef USHER_SANITIZED
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_NOFILE, 4);
  limit(RLIMIT_DATA, rlim_t{64} << 20);
#endif
}

void give_up_privileges() {
  forbid_dumps();
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges");
}

}  // namespace

void enter_sandbox(const Jail& jail, const SystemCallFilter& filter) {
  if (jail.network) enter_network(jail.network);
  if (jail.root) {
    check(fchdir(jail.root.get()), "enter the empty root");
    check(chroot("."), "change to the empty root");
  }
  check(::syscall(SYS_close_range, 1U, ~0U, 0U), "close all descriptors but one");
  limit_login_process();
  become(jail.account, {});
  give_up_capabilities();
  give_up_privileges();
  check(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "end with the worker");
#ifndef USHER_SANITIZED
  keep_to_files({});
#endif
  filter.load();
}

void confine_service() {
  tzset();  // syslog(3) wants the time zone, when its file is out of reach
  limit(RLIMIT_CORE, 0);
  give_up_capabilities();
#ifndef USHER_SANITIZED
  give_up_privileges();  // a leak sanitizer traces its own process
#else
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges");
#endif
  SystemCallFilter(service_system_calls()).load();
}

void keep_service_to(const std::vector<std::string>& directories) {
  setenv("TMPDIR", directories.front().c_str(), 1);  // what SQLite puts aside in sorting goes there, too
#ifndef USHER_SANITIZED  // a leak sanitizer looks at its process from another one
  keep_to_files({{"/dev/urandom", "/proc"}, directories});  // whose child a process is that asks stands in /proc
#endif
}

}  // namespace usher
