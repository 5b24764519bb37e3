// Each entry of a list has its reason, and docs/SYSTEM_CALLS.md tells them.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "auth/system_calls.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

TEST_CASE("lists of system calls: each entry has a reason") {
  for (const SystemCalls& calls : {login_system_calls(), service_system_calls()}) {
    for (const AllowedCall& call : calls) {
      CAPTURE(call.name);
      CHECK(std::string(call.reason).size() > 3);
    }
  }
}

TEST_CASE("lists of system calls: docs/SYSTEM_CALLS.md is what usher-system-calls prints") {
#ifdef USHER_SANITIZED
  SKIP_UNLESS(false, "builds with a sanitizer have longer lists");
#endif
  std::ifstream file(USHER_SOURCE_ROOT "/docs/SYSTEM_CALLS.md");
  std::stringstream text;
  text << file.rdbuf();
  CHECK(run({USHER_SYSTEM_CALLS}).output == text.str());
}
