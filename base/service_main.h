// What the main functions of the starter's children share: the only argument is --log=TARGET.
#pragma once

#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/service_messages.h"

namespace usher {

// A service holds a few descriptors for each client or worker, and starts no programs that would inherit this.
inline void raise_descriptor_limit_of_service() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Who keeps the books does not interrupt who serves a client: on a busy machine it then does its work for several jobs
// at once. What it starts is an ordinary process again.
inline void yield_to_workers() noexcept {
  const sched_param none{};
  ::sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &none);
}

// Each transaction takes some memory and gives it back; the kernel need not be asked for it every time.
inline void keep_freed_memory() noexcept {
#ifdef M_TRIM_THRESHOLD
  constexpr int kKept = 4 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kKept);
  ::mallopt(M_TOP_PAD, kKept / 16);
#endif
}

template <class Run>
int service_main(const char* program, int count, char** arguments, Run run) {
  const std::string_view argument = count == 2 ? arguments[1] : "";
  if (!argument.starts_with("--log=")) {
    std::fprintf(stderr, "%s is started by usher-starter; see usher(1)\n", program);
    return 2;
  }
  try {
    log::open(program, log::target_named(argument.substr(6)));
    ::signal(SIGPIPE, SIG_IGN);
    ::prctl(PR_SET_NAME, program);  // executed by descriptor, it would be named after that
    return run();
  } catch (const std::exception& error) {
    log::error("failed", {{"reason", error.what()}});
    return 1;
  }
}

}  // namespace usher
