// Places where a process can be made to die in tests: between any two steps that others can see.
//
// Costs a load when no test listens.
#pragma once

#include <atomic>

namespace usher::fault {

using Listener = void (*)(const char* point);
inline std::atomic<Listener> listener{nullptr};

inline void point(const char* name) {
  if (const Listener call = listener.load(std::memory_order_relaxed)) call(name);
}

}  // namespace usher::fault
