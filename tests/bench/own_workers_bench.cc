// A pool of workers of one's own, which echo a line, beside the same without Usher.
#include <array>
#include <filesystem>
#include <iostream>

#include "tests/bench/bare_roads.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_usher.h"
#include "tests/bench/echo_session.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 16;
constexpr std::array<std::size_t, 3> kClients{1, 10, 100};
constexpr double kLeastRatio = 0.85;

std::string configuration(const BenchGround& ground) {
  const std::string worker = ground.path("echo_worker");
  std::filesystem::copy_file(USHER_BENCH_ECHO_WORKER, worker);
  const std::string count = std::to_string(kWorkers);
  return "[[listener]]\nname = \"echo\"\naddress = \"127.0.0.1:0\"\npool = \"echo\"\n[pool.echo]\ncommand = [\"" +
         worker + "\"]\nuser = \"nobody\"\ninitial = " + count + "\nthreshold = 0\nmaximum = " + count + "\n";
}

struct Rates {
  std::vector<double> bare, ours, bare_p99, ours_p99;
};

void measure(const NewSession& make, std::size_t clients, const BenchOptions& options, std::vector<double>& rates,
             std::vector<double>& p99) {
  const LoadResult result = keep_busy(make, clients, 300ms, options.time);
  if (result.failures > 0) std::cerr << "a session failed: " << result.first_failure << '\n';
  rates.push_back(result.rate());
  p99.push_back(percentile(result.latencies, 0.99));
}

void run(const BenchOptions& options) {
  const BenchGround ground;
  const BenchUsher usher(ground, "own", configuration(ground));
  const BareServer bare(Dispatch::shared, kWorkers);
  std::cout << "# Workers of one's own: connect, a line and its echo, close; " << kWorkers << " workers\n\n";
  print_machine();

  Table table({"clients", "bare /s", "Usher /s", "ratio", "bare p99 ms", "Usher p99 ms"});
  std::vector<Target> targets;
  for (const std::size_t clients : kClients) {
    if (options.clients != 0 && clients != options.clients) continue;
    Rates rates;
    for (unsigned round = 0; round < options.rounds; ++round) {
      measure(echo_sessions(bare.port()), clients, options, rates.bare, rates.bare_p99);
      measure(echo_sessions(usher.port()), clients, options, rates.ours, rates.ours_p99);
    }
    const double ours = median(rates.ours);
    const double theirs = median(rates.bare);
    table.add({std::to_string(clients), number(theirs), number(ours), number(theirs == 0 ? 0 : ours / theirs),
               number(median(rates.bare_p99)), number(median(rates.ours_p99))});
    targets.push_back({"own workers, " + std::to_string(clients) + " clients, sessions/s", ours, theirs,
                       Target::Bound::at_least, kLeastRatio});
  }
  table.print();
  print_targets(targets);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
