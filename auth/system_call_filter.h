// A list of system calls, compiled for the kernel.
//
// Source: seccomp(2), libseccomp's seccomp_export_bpf(3).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "auth/system_calls.h"

namespace usher {

class SystemCallFilter {
 public:
  // Errors: Error(io) when libseccomp or the kernel cannot compile the list.
  explicit SystemCallFilter(const SystemCalls& calls);
  // One that was compiled in another process: its code().
  explicit SystemCallFilter(std::string_view code);
  std::string_view code() const noexcept;
  // Everything not in the list ends the process (SIGSYS) from here on, for good. Needs no_new_privs or CAP_SYS_ADMIN.
  void load() const;

 private:
  static constexpr std::size_t kRecord = sizeof(std::uint64_t);

  std::vector<std::uint64_t> program_;  // sock_filter records, 8 bytes each
};

}  // namespace usher
