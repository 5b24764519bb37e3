// A program for each connection and no login: Usher (login = "none") beside tcpserver and xinetd, same program, same user.
#include <iostream>
#include <map>
#include <thread>

#include "tests/bench/bench_main.h"
#include "tests/bench/control.h"
#include "tests/bench/load.h"
#include "tests/bench/public_door.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kWarmUp = 1s;
constexpr auto kControlTime = 500ms;
constexpr auto kPause = 300ms;  // for what a server still does after its last client

struct Wanted {
  std::string peer;
  double ratio;  // of sessions a second
};
const std::vector<Wanted> kWanted{{"tcpserver", 0.95}, {"xinetd", 1.5}};

struct Cell {
  std::vector<double> rate, p50, p99;
  std::size_t failures = 0;

  void add(const LoadResult& result) {
    rate.push_back(result.rate());
    p50.push_back(percentile(result.latencies, 0.5));
    p99.push_back(percentile(result.latencies, 0.99));
    failures += result.failures;
    if (result.failures > 0) std::cerr << "a session failed: " << result.first_failure << '\n';
  }
};

using Doors = std::vector<PublicDoorPtr>;
using Cells = std::map<std::pair<std::string, std::size_t>, Cell>;  // of server and clients

Doors start_doors(const BenchGround& ground, const std::string& only) {
  Doors doors;
  if (only.empty() || only == "usher") doors.push_back(start_public_usher(ground));
  if (only.empty() || only == "tcpserver") doors.push_back(start_tcpserver(ground));
  if (only.empty() || only == "xinetd") doors.push_back(start_xinetd(ground));
  if (doors.empty()) throw std::runtime_error("no server here is named " + only);
  return doors;
}

Cells measure(const Doors& doors, const std::vector<std::size_t>& clients, const BenchOptions& options, Control& control) {
  Cells cells;
  for (unsigned round = 0; round < options.rounds; ++round) {
    control.measure(kControlTime);
    for (const std::size_t count : clients) {
      for (const PublicDoorPtr& door : doors) {
        std::cerr << "round " << round + 1 << ": " << door->name() << ", " << count << " clients\n";
        cells[{door->name(), count}].add(keep_busy(door->sessions(), count, kWarmUp, options.time));
        std::this_thread::sleep_for(kPause);
      }
    }
  }
  return cells;
}

std::string rate_and_times(const Cell& cell) {
  return number(median(cell.rate)) + "  " + number(median(cell.p50)) + "  " + number(median(cell.p99)) +
         (cell.failures == 0 ? "" : "  " + std::to_string(cell.failures) + " FAILED");
}

void print_cells(const Doors& doors, const std::vector<std::size_t>& clients, Cells& cells) {
  std::vector<std::string> heads{"server"};
  for (const std::size_t count : clients) heads.push_back(std::to_string(count) + " clients");
  Table table(heads);
  for (const PublicDoorPtr& door : doors) {
    std::vector<std::string> row{door->name()};
    for (const std::size_t count : clients) row.push_back(rate_and_times(cells[{door->name(), count}]));
    table.add(row);
  }
  table.print();
}

void print_wanted(const std::vector<std::size_t>& clients, Cells& cells, const Control& control) {
  std::vector<Target> targets;
  for (const std::size_t count : clients) {
    const Cell& usher = cells[{"Usher", count}];
    for (const Wanted& wanted : kWanted) {
      const Cell& peer = cells[{wanted.peer, count}];
      const std::string what = "public, " + wanted.peer + ", " + std::to_string(count) + " clients: ";
      targets.push_back({what + "sessions/s", median(usher.rate), median(peer.rate), Target::Bound::at_least, wanted.ratio});
      targets.push_back({what + "p99 ms", median(usher.p99), median(peer.p99), Target::Bound::at_most, 1});
    }
  }
  for (Target& target : targets) target.disturbed = control.disturbed();
  control.print();
  print_targets(targets);
}

void run(const BenchOptions& options) {
  allow_many_descriptors();
  std::vector<std::size_t> clients{1, 10, 100, 1000};
  if (options.clients > 0) clients = {options.clients};
  const BenchGround ground(options.dynamic_program);
  const Doors doors = start_doors(ground, options.server);
  std::cout << "# A program for each connection, without a login; " << ground.program() << "\n\n";
  print_machine();
  Control control;
  Cells cells = measure(doors, clients, options, control);
  std::cout << "Sessions a second, median ms, 99th percentile ms:\n\n";
  print_cells(doors, clients, cells);
  if (options.server.empty() && !options.dynamic_program) print_wanted(clients, cells, control);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) { return usher::bench::bench_main(count, arguments, usher::bench::run); }
