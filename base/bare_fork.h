// A fork by the system call alone.
//
// Why:    handlers of pthread_atfork and the locks of other threads are what libc's fork looks after besides; in processes with
//         one thread that is nothing but memory to touch.
// Source: clone(2).
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace usher {

enum class ChildOf : unsigned long {
  this_process = 0,
  its_parent = CLONE_PARENT,  // who is told of its end, too
};

// As fork(2). The caller has one thread.
inline pid_t bare_fork(ChildOf whose) noexcept {
  const unsigned long flags = static_cast<unsigned long>(whose) | SIGCHLD;
#if defined(__s390__)
  return static_cast<pid_t>(::syscall(SYS_clone, nullptr, flags, nullptr, nullptr, 0));
#else
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, 0));
#endif
}

}  // namespace usher
