// What becomes of a process that is confined and then does something.
#pragma once

#include <functional>
#include <vector>

#include "auth/system_calls.h"

namespace usher::testing {

struct Ended {
  int status = -1;  // of exit
  int signal = 0;   // that killed it

  bool operator==(const Ended&) const = default;
};

// In a child: first the one, then the other, then its end with status 0.
Ended end_of(const std::function<void()>& confine, const std::function<void()>& act);

// With this list in force.
Ended end_under(const SystemCalls& calls, const std::function<void()>& act);

inline constexpr Ended kAllowed{0, 0};
Ended refused();  // killed by SIGSYS

// A system call and its arguments, as a test tries them.
struct Attempt {
  const char* name;
  std::function<void()> act;
};
using Attempts = std::vector<Attempt>;

}  // namespace usher::testing
