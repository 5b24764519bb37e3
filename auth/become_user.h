// Giving up one identity for another, for good. The only file of Usher that changes user or group ids.
//
// Order:  groups, then gid, then uid: the uid last, since it cannot be taken back. Each change is read back, and that root
//         does not come back is tried.
// Source: setresuid(2), credentials(7), setgroups(2).
#pragma once

#include <span>

#include "auth/account.h"

namespace usher {

// This process becomes `account`, with these supplementary groups.
// Does nothing when the process is that user already and is not root. Errors: std::system_error.
void become(const Account& account, std::span<const gid_t> groups);

// The worker takes on the account's group and groups and stays root: PAM modules may add groups after this.
void take_groups(const Account& account, std::span<const gid_t> groups);

// No core, and no ptrace by the same user. Each change of ids takes it back where fs.suid_dumpable says so, and the child of vfork
// changes its parent's as well. Errors: std::system_error.
void forbid_dumps();

// For the child of vfork: raw system calls only, nothing allocated, nothing thrown, no handler of libc run (its wrappers
// signal all threads of the parent that shares this memory). Groups are those of the caller. 0 or an errno.
int become_user_raw(uid_t uid, gid_t gid) noexcept;

}  // namespace usher
