// Which system calls a confined process may make, and what for: the lists that auth/system_call_filter.h compiles.
//
// Model:  everything else ends the process (SIGSYS). A call may stand in a list more than once, each time with other arguments.
//         The runtime of a sanitizer makes more calls, and the same with other arguments: builds with one have lists of their own,
//         which are longer and do not look at arguments.
// Source: seccomp(2), and the manual of each call; measured by tracing the tests.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace usher {

// (argument & mask) == value. A mask of 0 is no rule.
struct ArgumentRule {
  unsigned number = 0;  // from 0 on
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
};

enum class CallAnswer : std::uint8_t {
  done,          // the kernel does it
  no_such_call,  // ENOSYS: the caller has another way
};

struct AllowedCall {
  const char* name;
  const char* reason;
  std::array<ArgumentRule, 2> rules{};
  CallAnswer answer = CallAnswer::done;
};

using SystemCalls = std::vector<AllowedCall>;

SystemCalls login_system_calls();
SystemCalls service_system_calls();  // usher-listener and usher-pool

}  // namespace usher
