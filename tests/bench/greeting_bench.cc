// From connect to the first line, at arrivals far below what the server can do: Usher beside the least that greets.
#include <iostream>

#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/greeting_server.h"
#include "tests/bench/line_session.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kClients = 10;    // for the highest rate
constexpr std::size_t kWarmUp = 50;     // arrivals
constexpr double kShareOfHighest = 0.2;
constexpr double kMedianLimit = 5;      // times the least
constexpr double kP99Limit = 10;

struct Times {
  std::vector<double> p50, p99;

  void add(const LoadResult& result) {
    p50.push_back(percentile(result.latencies, 0.5));
    p99.push_back(percentile(result.latencies, 0.99));
    if (result.failures > 0) std::cerr << "a session failed: " << result.first_failure << '\n';
  }
};

double highest_rate(const FrontDoor& usher, const BenchOptions& options) {
  std::vector<double> rates;
  for (unsigned round = 0; round < options.rounds; ++round) {
    rates.push_back(keep_busy(usher.greetings(), kClients, 1s, options.time).rate());
  }
  return median(rates);
}

std::string in_microseconds(double ms) { return number(ms * 1000); }

void add_row(Table& table, const std::string& name, const Times& times) {
  table.add({name, in_microseconds(median(times.p50)), in_microseconds(median(times.p99))});
}

void run(const BenchOptions& options) {
  const BenchGround ground;
  const FrontDoorPtr usher = start_usher(ground);
  const GreetingServer least;
  std::cout << "# Greeting\n\n";
  print_machine();

  const double highest = highest_rate(*usher, options);
  const double rate = highest * kShareOfHighest;
  const auto arrivals = static_cast<std::size_t>(rate * std::chrono::duration<double>(options.time).count());
  Times of_usher;
  Times of_least;
  for (unsigned round = 0; round < options.rounds; ++round) {
    of_least.add(arrive_paced(line_sessions(least.port(), {{{"100 ", ""}}, false}), rate, kWarmUp, arrivals));
    of_usher.add(arrive_paced(usher->greetings(), rate, kWarmUp, arrivals));
  }

  std::cout << "Usher's highest rate with " << kClients << " clients: " << number(highest) << " greetings a second. Paced at "
            << number(rate) << " arrivals a second:\n\n";
  Table times({"server", "median us", "99th percentile us"});
  add_row(times, "accept, send, close", of_least);
  add_row(times, usher->name(), of_usher);
  times.print();
  const auto at_most = Target::Bound::at_most;
  print_targets({{"first line, median us", median(of_usher.p50) * 1000, median(of_least.p50) * 1000, at_most, kMedianLimit},
                 {"first line, p99 us", median(of_usher.p99) * 1000, median(of_least.p99) * 1000, at_most, kP99Limit}});
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) { return usher::bench::bench_main(count, arguments, usher::bench::run); }
