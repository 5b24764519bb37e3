// What can be seen of the shared library from outside.
#include <doctest/doctest.h>

#include <sstream>

#include "tests/support/process.h"

using namespace usher::testing;

TEST_CASE("libusher: only what its headers declare can be seen") {
  const Result nm = run({"nm", "--dynamic", "--defined-only", "--demangle", USHER_SHARED_LIBRARY});
  REQUIRE(nm.ending.code == 0);
  std::istringstream lines(nm.output);
  int c_calls = 0;
  int cpp_calls = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string name = line.substr(19);
    CAPTURE(name);
    const bool c = name.starts_with("usher_") || name.starts_with("Q") || name.ends_with("edescriptor");
    bool cpp = name.ends_with(" for usher::Error") || name.starts_with("usher::name_of(usher::ErrorCode)");
    for (const char* type : {"Library::", "DataQueue::", "Lease::", "Watch::", "Transaction::", "Error::", "Taker::", "ClientConnection::", "Connections::", "give(", "own_job"}) {
      cpp = cpp || name.starts_with(std::string("usher::") + type);
    }
    for (const char* inside : {"::State::", "::Work::"}) cpp = cpp && name.find(inside) == name.npos;
    CHECK((c || cpp));
    c_calls += c ? 1 : 0;
    cpp_calls += cpp ? 1 : 0;
  }
  CHECK(c_calls > 40);
  CHECK(cpp_calls > 40);
}
