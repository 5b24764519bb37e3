// Processes that face strangers lock themselves in: the login process, usher-listener, usher-pool.
//
// Model:  the login process' filter is compiled once in the template and loaded in each login process by enter_sandbox(): descriptor 0
//         alone, no network, empty root, no groups, the login user, no new privileges, resource limits, no files, then the
//         filter. It is the last step that needs system calls outside its list.
//         Listener and pool run as a user of their own already; confine_service() takes the rest.
//         Nothing here is for an ancestor of a program: it would be inherited.
// Source: seccomp(2), chroot(2), prctl(2), landlock(7).
#pragma once

#include <string>
#include <vector>

#include "auth/account.h"
#include "auth/system_call_filter.h"
#include "base/unique_fd.h"

namespace usher {

struct Jail {
  Account account;     // who the login process becomes
  UniqueFd root{};     // an empty directory of root's; none where there is no root to change to it (Usher without root)
  UniqueFd network{};  // an empty network namespace, where there is one
};

// Closes all descriptors but 0. Errors: std::system_error; the caller ends the process then.
void enter_sandbox(const Jail& jail, const SystemCallFilter& filter);

// Everything of that kind that can be done before the configuration is known: no capabilities, no new privileges, no core,
// no ptrace, and the filter. Errors: std::system_error, Error(io).
void confine_service();

// With the first configuration: only files in these directories of its own, and what libraries read now and then.
// Errors: std::system_error.
void keep_service_to(const std::vector<std::string>& directories);

}  // namespace usher
