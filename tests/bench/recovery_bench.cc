// How long after a storm of 2,000 clients, without and with processes killed in it, logins are as fast again as before it.
#include <algorithm>
#include <iostream>

#include "base/clock.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/line_session.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"
#include "tests/end_to_end/storm.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;
using testing::Answers;
using testing::Installation;
using testing::Killer;

constexpr std::size_t kClients = 10;     // at any time, where speed is measured
constexpr auto kWindow = 250ms;          // in which it is measured after the storm
constexpr double kNormal = 0.9;          // of the speed before
constexpr double kWantedSeconds = 2;
constexpr auto kGivenUpAfter = 30s;

NewSession logins(const Installation& usher) {
  const std::string address = usher.address();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  const std::string user = testing::usual_account();
  return line_sessions(port, {{{"100 ", user + "\r\n"}, {"101 ", user + "-secret\r\n"}, {"102 ", "slow\r\n"}, {"103 ", ""}}});
}

struct Recovery {
  double before = 0;   // logins a second
  double after = 0;    // in the first window that was normal
  double seconds = 0;  // from the last client of the storm to the end of that window
  std::size_t failures = 0;  // of logins after the storm
};

Recovery measure(const std::string& road, bool killing, const BenchOptions& options) {
  const Installation usher(testing::storm_setting(road));
  const NewSession sessions = logins(usher);
  Recovery recovery;
  recovery.before = keep_busy(sessions, kClients, 500ms, options.time).rate();
  Answers answers;
  Killer killer(usher, killing);
  testing::storm(usher, answers);
  killer.stop();
  const Instant over = Clock::now();
  while (recovery.after < kNormal * recovery.before && Clock::now() < over + kGivenUpAfter) {
    const LoadResult window = keep_busy(sessions, kClients, 0ms, kWindow);
    recovery.failures += window.failures;
    recovery.after = window.rate();
  }
  recovery.seconds = std::chrono::duration<double>(Clock::now() - over).count();
  return recovery;
}

void run(const BenchOptions& options) {
  allow_many_descriptors();
  if (!testing::in_private_etc()) throw CannotRun("needs the private /etc");
  std::cout << "# After a storm\n\n";
  print_machine();
  std::cout << "Logins of " << kClients << " clients at a time, with a program that sleeps 50 ms, before a storm and after it, in windows of "
            << kWindow.count() << " ms, until one has " << number(kNormal) << " of the speed before. Medians of " << options.rounds
            << " rounds, and the longest.\n\n";
  Table table({"dispatch", "killed in the storm", "before /s", "after /s", "seconds", "longest", "failed"});
  std::vector<Target> targets;
  for (const char* road : {"queue", "shared", "spawn"}) {
    for (const bool killing : {false, true}) {
      std::vector<double> before, after, seconds;
      std::size_t failures = 0;
      for (unsigned round = 0; round < options.rounds; ++round) {
        const Recovery recovery = measure(road, killing, options);
        before.push_back(recovery.before);
        after.push_back(recovery.after);
        seconds.push_back(recovery.seconds);
        failures += recovery.failures;
      }
      const double longest = *std::max_element(seconds.begin(), seconds.end());
      table.add({road, killing ? "yes" : "no", number(median(before)), number(median(after)), number(median(seconds)), number(longest),
                 std::to_string(failures)});
      targets.push_back({std::string("after a storm, ") + road + (killing ? ", killing" : "") + ", seconds until normal", longest, 0,
                         Target::Bound::at_most, kWantedSeconds});
    }
  }
  table.print();
  print_targets(targets);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
