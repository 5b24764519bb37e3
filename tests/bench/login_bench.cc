// Complete logins a second, and how long each takes: Usher, its peers and PAM alone, side by side.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/bench/bare_logins.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/control.h"
#include "tests/bench/front_door.h"
#include "tests/bench/load.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kWarmUp = 1s;
constexpr auto kControlTime = 500ms;
constexpr auto kPause = 300ms;  // for what a server still does after its last client

// What Usher's rate is to be, times that of another.
struct Wanted {
  std::string peer;
  double ratio;
};

struct Account {
  std::string name;
  std::string hash;
  unsigned times_longer;  // a measurement, so that it has enough sessions
  std::vector<std::size_t> clients;
  std::vector<std::size_t> clients_compared;
  std::vector<Wanted> wanted;
};

const std::string kBare = "PAM alone";

const std::vector<Account>& accounts() {
  static const std::vector<Account> all{
      {"normal",
       "SHA-512 with 1,000 rounds",
       1,
       {1, 10, 100},
       {10, 100},
       {{"Dovecot, high security", 3.5}, {"Dovecot, high performance", 2}, {"vsftpd", 2}, {"sshd", 6}}},
      {"yescrypt", "yescrypt, Debian's default", 2, {10}, {10}, {{kBare, 0.90}}}};
  return all;
}

const Account& account_named(const std::string& name) {
  for (const Account& account : accounts()) {
    if (account.name == name) return account;
  }
  throw std::runtime_error("no account here is named " + name);
}

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

void measure_bare(const Account& account, std::chrono::milliseconds time, Cells& cells) {
  for (const unsigned processes : {1U, processors()}) {
    cells[{kBare, processes}].add(log_in_barely(account.name, processes, time));
  }
}

// What a server has complained of, if it writes to standard error.
void print_complaints(FrontDoor& door) {
  std::istringstream log(door.process().error_output());
  for (std::string line; std::getline(log, line);) {
    if (line.find("error: ") != std::string::npos || line.find("warning: ") != std::string::npos)
      std::cerr << line << '\n';
  }
}

Cells measure(const FrontDoors& doors, const Account& account, const BenchOptions& options, Control& control) {
  Cells cells;
  const auto time = options.time * account.times_longer;
  for (unsigned round = 0; round < options.rounds; ++round) {
    if (options.server.empty()) control.measure(kControlTime);
    if (options.server.empty()) measure_bare(account, time, cells);
    for (const std::size_t clients : account.clients) {
      for (const FrontDoorPtr& door : doors) {
        std::cerr << account.name << ", round " << round + 1 << ": " << door->name() << ", " << clients << " clients\n";
        const LoadResult result = keep_busy(door->sessions(account.name), clients, kWarmUp, time);
        cells[{door->name(), clients}].add(result);
        if (result.failures > 0) print_complaints(*door);
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

void print_cells(const FrontDoors& doors, const Account& account, Cells& cells) {
  std::vector<std::string> heads{"server", "a session"};
  for (const std::size_t clients : account.clients) heads.push_back(std::to_string(clients) + " clients");
  heads.emplace_back("client's CPU ms");
  Table table(heads);
  for (const FrontDoorPtr& door : doors) {
    std::vector<std::string> row{door->name(), door->work()};
    for (const std::size_t clients : account.clients) row.push_back(rate_and_times(cells[{door->name(), clients}]));
    row.push_back(number(median(cells[{door->name(), account.clients_compared.front()}].client_cpu_ms)));
    table.add(row);
  }
  table.print();
  if (!cells.contains({kBare, 1})) return;
  std::cout << kBare << ", pam_start .. pam_end, on 1 and on " << processors()
            << " processes: " << rate_and_times(cells[{kBare, 1}]) << "; "
            << rate_and_times(cells[{kBare, processors()}]) << "\n\n";
}

void print_targets(const Account& account, Cells& cells, const Control& control) {
  std::vector<Target> targets;
  for (const std::size_t clients : account.clients_compared) {
    const Cell& usher = cells[{"Usher", clients}];
    for (const Wanted& wanted : account.wanted) {
      const bool bare = wanted.peer == kBare;
      const Cell& peer = cells[{wanted.peer, bare ? processors() : clients}];
      const std::string what = wanted.peer + ", " + account.name + ", " + std::to_string(clients) + " clients: ";
      targets.push_back(
          {what + "logins/s", median(usher.rate), median(peer.rate), Target::Bound::at_least, wanted.ratio});
      if (!bare) targets.push_back({what + "p99 ms", median(usher.p99), median(peer.p99), Target::Bound::at_most, 1});
    }
  }
  for (Target& target : targets) target.disturbed = control.disturbed();
  control.print();
  print_targets(targets);
}

FrontDoors start_doors(const BenchGround& ground, const std::string& only) {
  FrontDoors doors;
  const auto start = [&](const std::string& name, const std::function<FrontDoorPtr()>& make) {
    if (only.empty() || only == name) doors.push_back(make());
  };
  start("usher", [&] { return start_usher(ground); });
  start("dovecot-performance", [&] { return start_dovecot(ground, DovecotMode::high_performance); });
  start("dovecot-security", [&] { return start_dovecot(ground, DovecotMode::high_security); });
  start("vsftpd", [&] { return start_vsftpd(ground); });
  start("sshd", [&] { return start_sshd(ground); });
  if (doors.empty()) throw std::runtime_error("no server here is named " + only);
  return doors;
}

void run(const BenchOptions& options) {
  Account account = account_named(options.account);
  if (options.clients > 0) account.clients = account.clients_compared = {options.clients};
  const BenchGround ground(options.dynamic_program);
  const FrontDoors doors = start_doors(ground, options.server);
  std::cout << "# Logins of an account with " << account.hash << ", " << ground.program() << "\n\n";
  print_machine();
  Control control;
  Cells cells = measure(doors, account, options, control);
  std::cout << "Sessions a second, median ms, 99th percentile ms:\n\n";
  print_cells(doors, account, cells);
  if (options.server.empty() && !options.dynamic_program) print_targets(account, cells, control);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  return usher::bench::bench_main(count, arguments, usher::bench::run);
}
