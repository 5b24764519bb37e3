#include "tests/bench/control.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "base/clock.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

constexpr unsigned kSteps = 10'000;  // between two looks at the clock

[[noreturn]] void compute_until(Instant stop, int report) {
  std::uint64_t rounds = 0;
  volatile std::uint64_t value = 1;
  while (Clock::now() < stop) {
    for (unsigned i = 0; i < kSteps; ++i) value = value * 6364136223846793005U + 1;
    ++rounds;
  }
  _exit(::write(report, &rounds, sizeof rounds) == sizeof rounds ? 0 : 1);
}

// Of so many processes together.
double rounds_of(unsigned processes, std::chrono::milliseconds time) {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
  const UniqueFd reports(ends[0]);
  UniqueFd report(ends[1]);
  const Instant stop = Clock::now() + time;
  std::vector<pid_t> pids;
  for (unsigned i = 0; i < processes; ++i) {
    pids.push_back(check(::fork(), "make a process"));
    if (pids.back() == 0) compute_until(stop, report.get());
  }
  report.reset();
  std::uint64_t sum = 0;
  for (std::uint64_t rounds = 0; ::read(reports.get(), &rounds, sizeof rounds) == sizeof rounds;) sum += rounds;
  for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
  return static_cast<double>(sum);
}

}  // namespace

unsigned processors() { return std::max(1U, std::thread::hardware_concurrency()); }

void Control::measure(std::chrono::milliseconds time) {
  const double one = rounds_of(1, time);
  const double all = rounds_of(processors(), time);
  if (one <= 0) throw std::runtime_error("the control did nothing");
  shares_.push_back(all / one / processors());
}

void Control::print() const {
  std::cout << "Control: " << processors() << " processors computed " << number(share() * processors()) << " times as fast as one.";
  std::cout << (disturbed() ? " The machine was not quiet. Measure again.\n\n" : "\n\n");
}

double Control::share() const { return median(shares_); }

}  // namespace usher::bench
