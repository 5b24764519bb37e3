// Data queues against other queues, side by side in one run. Prints a table of ratios and of the floors they
// are to reach.
//
//   dataqueue_bench [SCENARIO ...]
//
// Every measurement is taken several times, ours and the peer's in turn, and the medians are compared, so that other
// work on the machine meets both alike.
#include "tests/bench/dataqueue_bench.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace usher::bench {

std::string new_directory() {
  static int number = 0;
  const char* base = std::getenv("USHER_BENCH_DIRECTORY");
  std::string path = std::string(base == nullptr ? "/var/tmp" : base) + "/usher-bench." + std::to_string(::getpid()) +
                     "." + std::to_string(number++);
  std::filesystem::create_directories(path);
  std::filesystem::permissions(path, std::filesystem::perms::all);
  return path;
}

Directory::Directory() : path(new_directory()) {}
Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

Processes::~Processes() {
  wait();
}

void Processes::start(const std::function<void()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    ::_exit(0);
  }
  pids_.push_back(pid);
}

void Processes::wait() {
  for (const pid_t pid : pids_) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) std::fprintf(stderr, "a process of the benchmark failed\n");
  }
  pids_.clear();
}

void Table::row(const std::string& what, const std::string& peer, double ours, double theirs, const char* unit,
                double ratio, double floor) {
  const bool reached = ratio >= floor;
  std::array<char, 32> wanted{"-"};
  if (floor > 0) std::snprintf(wanted.data(), wanted.size(), "%.2f", floor);
  std::printf("%-34s %-36s %10.4g %10.4g %-10s %7.2f %7s  %s\n", what.c_str(), peer.c_str(), ours, theirs, unit, ratio,
              wanted.data(), floor > 0 ? (reached ? "yes" : "NO") : "");
  std::fflush(stdout);
  if (floor > 0) note_target(what.substr(what.find_first_not_of(' ')) + " against " + peer, ours, theirs, ratio, floor);
}

// What scripts/bench sums up.
void Table::note_target(const std::string& name, double ours, double theirs, double ratio, double floor) {
  std::array<char, 128> numbers{};
  std::snprintf(numbers.data(), numbers.size(), " | %.4g | %.4g | %.2f | >= %.2f | %s", ours, theirs, ratio, floor,
                ratio >= floor ? "yes" : "NO");
  targets_.push_back("target: " + name + numbers.data());
}

void Table::print_targets() const {
  for (const std::string& target : targets_) std::printf("%s\n", target.c_str());
}

}  // namespace usher::bench

int main(int count, char** words) {
  using namespace usher::bench;
  Table table;
  std::printf("%-34s %-36s %10s %10s %-10s %7s %7s  %s\n", "what", "against", "ours", "theirs", "unit", "ratio",
              "wanted", "reached");
  std::fflush(stdout);
  for (const Scenario& scenario : kScenarios) {
    bool wanted = count == 1;
    for (int i = 1; i < count; ++i) wanted = wanted || std::strcmp(words[i], scenario.name) == 0;
    if (wanted) scenario.run(table);
  }
  table.print_targets();
  return 0;
}
