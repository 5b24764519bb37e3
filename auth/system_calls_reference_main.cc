// Prints docs/SYSTEM_CALLS.md from the lists; not installed.
#include <algorithm>
#include <cstdio>

#include "auth/system_calls.h"

namespace {

const char* limit_of(const usher::AllowedCall& call) {
  if (call.answer == usher::CallAnswer::no_such_call) return "ENOSYS";
  const auto& rules = call.rules;
  return std::any_of(rules.begin(), rules.end(), [](const auto& rule) { return rule.mask != 0; }) ? "certain arguments" : "";
}

void print(const char* heading, const usher::SystemCalls& calls) {
  std::printf("\n## %s\n\n| call | only | what for |\n|---|---|---|\n", heading);
  for (const usher::AllowedCall& call : calls) std::printf("| %s | %s | %s |\n", call.name, limit_of(call), call.reason);
}

}  // namespace

int main() {
  std::puts(
      "# System calls of the confined processes\n\n"
      "Made from auth/system_calls.cc by `usher-system-calls`. Any other call, and one of these with other arguments, ends the\n"
      "process (SIGSYS). TRUST.md says what these processes are for.");
  print("Login process", usher::login_system_calls());
  print("Listener and pool", usher::service_system_calls());
}
