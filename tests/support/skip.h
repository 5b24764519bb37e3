// A test that cannot run here says why and is counted as skipped: SKIP_UNLESS(geteuid() == 0, "needs root").
//
// Shape:  one line "[skipped] NAME: REASON" on standard output, which scripts/test counts.
#pragma once

#include <doctest/doctest.h>

#include <iostream>

namespace usher::testing {

// Built with the address sanitizer, whose runtime makes system calls of its own.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace usher::testing

#define SKIP_UNLESS(condition, reason)                                                                                 \
  do {                                                                                                                 \
    if (!(condition)) {                                                                                                \
      std::cout << "[skipped] " << doctest::getContextOptions()->currentTest->m_name << ": " << (reason) << std::endl; \
      return;                                                                                                          \
    }                                                                                                                  \
  } while (false)
