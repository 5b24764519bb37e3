#include "worker/footprint.h"

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "base/system.h"
#include "tests/support/skip.h"

using namespace usher;

namespace {

constexpr std::size_t kSize = std::size_t{40} * 4096;

long faults() {
  rusage used{};
  check(::getrusage(RUSAGE_SELF, &used), "getrusage");
  return used.ru_minflt;
}

// How many faults a forked process has that writes `memory`.
int faults_in_a_child(std::vector<char>& memory, const Footprint& footprint) {
  const pid_t child = check(::fork(), "fork");
  if (child == 0) {
    footprint.take_data();
    const long before = faults();
    std::memset(memory.data(), 2, memory.size());
    _exit(static_cast<int>(faults() - before));
  }
  int status = 0;
  check(::waitpid(child, &status, 0), "waitpid");
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("footprint: what was added is the forked process's own before it is written") {
  SKIP_UNLESS(!testing::kSanitized, "a sanitizer looks at every write");
  std::vector<char> memory(kSize, 1);
  CHECK(faults_in_a_child(memory, Footprint()) > 30);
  Footprint footprint;
  footprint.add(memory.data(), memory.data() + memory.size());
  CHECK(faults_in_a_child(memory, footprint) < 5);
}

TEST_CASE("footprint: memory that is not there does not keep the rest from being taken") {
  SKIP_UNLESS(!testing::kSanitized, "a sanitizer looks at every write");
  std::vector<char> memory(kSize, 1);  // first, lest it be put where nothing is to be
  void* const gone = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(gone != MAP_FAILED);
  REQUIRE(::munmap(gone, kSize) == 0);
  Footprint footprint;
  footprint.add(gone, static_cast<char*>(gone) + kSize);
  footprint.add(memory.data(), memory.data() + memory.size());
  CHECK(faults_in_a_child(memory, footprint) < 5);
}
