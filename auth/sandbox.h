// The login process locks itself in: nothing it could be made to do by a client reaches beyond its two descriptors.
//
// Model:  the filter is compiled once in the template (SystemCallFilter) and loaded in each login process by enter_sandbox():
//         empty root, no groups, the login user, no new privileges, resource limits, then the filter. It is the last step
//         that needs system calls outside its list.
// Source: seccomp(2), libseccomp's seccomp_export_bpf(3), chroot(2), prctl(2).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "auth/account.h"

namespace usher {

// A system call that the login process may make, and what for.
struct AllowedCall {
  const char* name;
  const char* reason;
};
std::span<const AllowedCall> login_system_calls();

class SystemCallFilter {
 public:
  // Compiles the list. Errors: Error(io) when libseccomp or the kernel cannot.
  SystemCallFilter();
  // Everything not in the list ends the process (SIGSYS) from here on. Needs no_new_privs or CAP_SYS_ADMIN.
  void load() const;

 private:
  std::vector<std::uint64_t> program_;  // sock_filter records, 8 bytes each
};

struct Jail {
  std::string root;   // an empty directory of root's; "" where there is no root to change it (Usher without root)
  Account account;    // who the login process becomes
};

// Errors: std::system_error; the caller ends the process then.
void enter_sandbox(const Jail& jail, const SystemCallFilter& filter);

}  // namespace usher
