// How fast logins are two seconds after a storm of 2,000 clients, without and with processes killed in it, beside before it.
#include <iostream>

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

constexpr std::size_t kClients = 10;  // at any time, where speed is measured
constexpr auto kPause = 2s;           // after the last client of the storm
constexpr double kNormal = 0.9;       // of the speed before

NewSession logins(const Installation& usher) {
  const std::string address = usher.address();
  const auto port = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
  const std::string user = testing::usual_account();
  return line_sessions(port, {{{"100 ", user + "\r\n"}, {"101 ", user + "-secret\r\n"}, {"102 ", "slow\r\n"}, {"103 ", ""}}});
}

struct Speeds {
  std::vector<double> before, after;  // logins a second
  std::size_t failures = 0;           // of those after the storm
};

void measure(const std::string& road, bool killing, const BenchOptions& options, Speeds& speeds) {
  const Installation usher(testing::storm_setting(road));
  const NewSession sessions = logins(usher);
  speeds.before.push_back(keep_busy(sessions, kClients, kPause, options.time).rate());
  Answers answers;
  Killer killer(usher, killing);
  testing::storm(usher, answers);
  killer.stop();
  const LoadResult after = keep_busy(sessions, kClients, kPause, options.time);
  speeds.after.push_back(after.rate());
  speeds.failures += after.failures;
}

void run(const BenchOptions& options) {
  allow_many_descriptors();
  if (!testing::in_private_etc()) throw CannotRun("needs the private /etc");
  std::cout << "# After a storm\n\n";
  print_machine();
  std::cout << "Logins of " << kClients << " clients at a time, with a program that sleeps 50 ms: before a storm of " << testing::kStorm
            << " clients, and from " << kPause.count() << " s after it on. Medians of " << options.rounds << " rounds.\n\n";
  Table table({"dispatch", "killed in the storm", "before /s", "after /s", "ratio", "failed"});
  std::vector<Target> targets;
  for (const char* road : {"queue", "shared", "spawn"}) {
    for (const bool killing : {false, true}) {
      Speeds speeds;
      for (unsigned round = 0; round < options.rounds; ++round) measure(road, killing, options, speeds);
      const double before = median(speeds.before);
      const double after = median(speeds.after);
      table.add({road, killing ? "yes" : "no", number(before), number(after), number(after / before), std::to_string(speeds.failures)});
      targets.push_back({std::string("2 s after a storm, ") + road + (killing ? ", killing" : "") + ", logins/s", after, before,
                         Target::Bound::at_least, kNormal});
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
