// Complete logins a second, and how long each takes: Usher, its peers and PAM alone, side by side.
#include <unistd.h>

#include <array>
#include <chrono>
#include <iostream>
#include <map>
#include <thread>

#include "tests/bench/bare_logins.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/front_door.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::size_t, 3> kClients{1, 10, 100};
constexpr auto kWarmUp = 1s;
constexpr auto kPause = 300ms;  // for what a server still does after its last client

struct Account {
  const char* name;
  const char* hash;
  unsigned times_longer;  // a measurement, so that it has enough sessions
};
constexpr std::array kAccounts{Account{"normal", "SHA-512 with 1,000 rounds", 1},
                               Account{"yescrypt", "yescrypt, Debian's default", 2}};

// The measurements of one server with so many clients, one a round.
struct Cell {
  std::vector<double> rate, p50, p99, client_cpu_ms;
  std::size_t failures = 0;

  void add(const LoadResult& result) {
    rate.push_back(result.rate());
    p50.push_back(percentile(result.latencies, 0.5));
    p99.push_back(percentile(result.latencies, 0.99));
    client_cpu_ms.push_back(result.client_cpu_ms);
    failures += result.failures;
    if (result.failures > 0) std::cerr << "a session failed: " << result.first_failure << '\n';
  }
};

using Cells = std::map<std::pair<std::string, std::size_t>, Cell>;  // of server and clients
using FrontDoors = std::vector<FrontDoorPtr>;

std::string bare_name() { return "PAM alone"; }
unsigned processors() { return std::max(1U, std::thread::hardware_concurrency()); }

Cells measure(const FrontDoors& doors, const Account& account, const BenchOptions& options) {
  Cells cells;
  const auto time = options.time * account.times_longer;
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (const unsigned processes : {1U, processors()}) {
      cells[{bare_name(), processes}].add(log_in_barely(account.name, processes, time));
    }
    for (const std::size_t clients : kClients) {
      for (const FrontDoorPtr& door : doors) {
        std::cerr << account.name << ", round " << round + 1 << ": " << door->name() << ", " << clients << " clients\n";
        cells[{door->name(), clients}].add(keep_busy(door->sessions(account.name), clients, kWarmUp, time));
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

void print_cells(const FrontDoors& doors, Cells& cells) {
  Table table({"server", "a session", "1 client", "10 clients", "100 clients", "client's CPU ms"});
  table.add({bare_name(), "pam_start .. pam_end, 1 and " + std::to_string(processors()) + " processes",
             rate_and_times(cells[{bare_name(), 1}]), rate_and_times(cells[{bare_name(), processors()}]), "", ""});
  for (const FrontDoorPtr& door : doors) {
    std::vector<std::string> row{door->name(), door->work()};
    for (const std::size_t clients : kClients) row.push_back(rate_and_times(cells[{door->name(), clients}]));
    row.push_back(number(median(cells[{door->name(), 10}].client_cpu_ms)));
    table.add(row);
  }
  table.print();
}

struct Requirement {
  std::string peer;
  std::size_t clients;
  double ratio;
};

void print_ratios(const std::vector<Requirement>& requirements, Cells& cells) {
  Table table({"Usher compared with", "clients", "rate, times", "required", "holds", "p99 ms, Usher", "theirs", "no worse"});
  for (const Requirement& requirement : requirements) {
    const bool bare = requirement.peer == bare_name();
    const Cell& usher = cells[{"Usher", requirement.clients}];
    const Cell& peer = cells[{requirement.peer, bare ? processors() : requirement.clients}];
    const double ratio = median(usher.rate) / median(peer.rate);
    const double ours = median(usher.p99);
    const double theirs = median(peer.p99);
    table.add({requirement.peer, std::to_string(requirement.clients), number(ratio), number(requirement.ratio),
               holds(ratio >= requirement.ratio), number(ours), number(theirs), bare ? "" : holds(ours <= theirs)});
  }
  table.print();
}

std::vector<Requirement> requirements_of(const Account& account) {
  if (std::string(account.name) == "yescrypt") return {{bare_name(), 10, 0.90}};
  std::vector<Requirement> all;
  for (const std::size_t clients : {std::size_t{10}, std::size_t{100}}) {
    all.insert(all.end(), {{"Dovecot, high security", clients, 3.5},
                           {"Dovecot, high performance", clients, 2},
                           {"vsftpd", clients, 2},
                           {"sshd", clients, 6}});
  }
  return all;
}

void run(const BenchOptions& options) {
  const BenchGround ground;
  FrontDoors doors;
  doors.push_back(start_usher(ground));
  doors.push_back(start_dovecot(ground, DovecotMode::high_performance));
  doors.push_back(start_dovecot(ground, DovecotMode::high_security));
  doors.push_back(start_vsftpd(ground));
  doors.push_back(start_sshd(ground));
  std::cout << "# Logins\n\n";
  print_machine();
  for (const Account& account : kAccounts) {
    Cells cells = measure(doors, account, options);
    std::cout << "## Account with " << account.hash << ": sessions a second, median ms, 99th percentile ms\n\n";
    print_cells(doors, cells);
    print_ratios(requirements_of(account), cells);
  }
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) { return usher::bench::bench_main(count, arguments, usher::bench::run); }
