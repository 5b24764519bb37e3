// scripts/count_cases: what the last line of scripts/test says.
#include <doctest/doctest.h>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

// One run of an executable as meson writes it down. `output` is the inside of a JSON string.
std::string run_of(const std::string& name, const std::string& result, const std::string& output) {
  return R"({"name": ")" + name + R"(", "result": ")" + result + R"(", "stdout": ")" + output + "\"}\n";
}

std::string summary(int passed, int failed, int skipped) {
  return "[doctest] test cases: " + std::to_string(passed + failed + skipped) + " | " + std::to_string(passed) +
         " passed | " + std::to_string(failed) + " failed | " + std::to_string(skipped) + " skipped\\n";
}

Result count(const std::string& log) {
  const TemporaryDirectory directory;
  return run({USHER_SOURCE_ROOT "/scripts/count_cases", directory.write("log.json", log)});
}

}  // namespace

TEST_CASE("count_cases: cases are added up, and the status says whether any failed") {
  const Result good = count(run_of("a", "OK", summary(3, 0, 0)) + run_of("b", "OK", summary(4, 0, 0)));
  CHECK(good.output == "7 passed, 0 failed\n");
  CHECK(good.ending.code == 0);
  const Result bad = count(run_of("a", "OK", summary(3, 0, 0)) + run_of("b", "FAIL", summary(4, 2, 0)));
  CHECK(bad.output == "7 passed, 2 failed\n");
  CHECK(bad.ending.code == 1);
}

TEST_CASE("count_cases: a case that says that it cannot run is skipped, and its reason is shown") {
  const Result result = count(run_of("a", "OK", "[skipped] one: needs root\\n" + summary(3, 0, 0)));
  CHECK(result.output == "skipped: one: needs root\n2 passed, 0 failed, 1 skipped\n");
  CHECK(result.ending.code == 0);
}

TEST_CASE("count_cases: cases that a crash left unreached have failed") {
  const Result result = count(run_of("a", "FAIL", summary(3, 1, 5)));
  CHECK(result.output.ends_with("\n3 passed, 6 failed\n"));
  CHECK(result.ending.code == 1);
}

TEST_CASE("count_cases: an executable that fails after its last case, or without a word, is a failed case") {
  CHECK(count(run_of("a", "FAIL", summary(3, 0, 0))).output.ends_with("\n3 passed, 1 failed\n"));
  CHECK(count(run_of("a", "TIMEOUT", "half a line")).output == "failed: a: TIMEOUT\n0 passed, 1 failed\n");
}

TEST_CASE("count_cases: an executable that is not doctest's is one case") {
  CHECK(count(run_of("a", "OK", "") + run_of("b", "SKIP", "no namespaces here")).output ==
        "skipped: b: no namespaces here\n1 passed, 0 failed, 1 skipped\n");
}
