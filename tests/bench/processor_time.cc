#include "tests/bench/processor_time.h"

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/process_table.h"
#include "tests/support/wait_until.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

nanoseconds of_living(const std::string& directory) {
  std::ifstream file(directory + "/schedstat");
  std::int64_t ns = 0;
  file >> ns;
  return nanoseconds(ns);
}

// Fields 16 and 17, counted from the state, which is the third.
nanoseconds of_ended_children(const std::string& directory) {
  std::ifstream file(directory + "/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(std::min(line.rfind(')') + 1, line.size())));
  std::string other;
  for (int field = 3; field < 16; ++field) fields >> other;
  std::int64_t user = 0;
  std::int64_t system = 0;
  fields >> user >> system;
  static const std::int64_t tick = 1'000'000'000 / ::sysconf(_SC_CLK_TCK);
  return nanoseconds((user + system) * tick);
}

nanoseconds own_and_ended(pid_t pid) {
  const std::string directory = "/proc/" + std::to_string(pid);
  return of_living(directory) + of_ended_children(directory);
}

}  // namespace

nanoseconds processor_time_of(pid_t pid) {
  std::multimap<pid_t, pid_t> children;
  for (const testing::ProcessEntry& entry : testing::process_table()) children.emplace(entry.parent, entry.pid);
  std::vector<pid_t> all{pid};
  nanoseconds sum = own_and_ended(pid);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [begin, end] = children.equal_range(all[i]);
    for (auto child = begin; child != end; ++child) {
      all.push_back(child->second);
      sum += own_and_ended(child->second);
    }
  }
  return sum;
}

nanoseconds calm_processor_time_of(pid_t pid) {
  nanoseconds last = processor_time_of(pid);
  testing::wait_until([&] {
    std::this_thread::sleep_for(50ms);
    const nanoseconds before = std::exchange(last, processor_time_of(pid));
    return last - before < 1ms;
  });
  return last;
}

}  // namespace usher::bench
