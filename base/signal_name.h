// "SIGTERM" for 15.
#pragma once

#include <string.h>

#include <csignal>
#include <string>

namespace usher {

inline std::string signal_name(int number) {
  if (number >= SIGRTMIN && number <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
  const char* name = sigabbrev_np(number);
  return name == nullptr ? "SIG" + std::to_string(number) : "SIG" + std::string(name);
}

}  // namespace usher
