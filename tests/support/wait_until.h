// Waits for something that sends no event: a process that ends elsewhere, a row that another process writes.
#pragma once

#include <chrono>
#include <thread>

namespace usher::testing {

// Long enough for a loaded machine and a sanitized build; a test that passes never waits for it.
inline constexpr std::chrono::seconds kPatience{20};

// True as soon as `holds()` does, false when it never did within `patience`.
template <class Predicate>
bool wait_until(Predicate holds, std::chrono::milliseconds patience = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (std::chrono::microseconds pause{200}; !holds(); pause = std::min(2 * pause, std::chrono::microseconds(20'000))) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

}  // namespace usher::testing
