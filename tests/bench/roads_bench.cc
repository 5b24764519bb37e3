// The three roads to a worker side by side: the hand-over alone, then Usher with a login, as clients and workers grow.
//
// Shape: each table has a row for every road, number of workers and number of clients; scripts/plot_roads draws them.
#include <array>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>

#include "base/system.h"
#include "tests/bench/bare_roads.h"
#include "tests/bench/bench_main.h"
#include "tests/bench/bench_usher.h"
#include "tests/bench/echo_session.h"
#include "tests/bench/line_session.h"
#include "tests/bench/load.h"
#include "tests/bench/processor_time.h"
#include "tests/bench/statistics.h"
#include "tests/bench/table.h"
#include "tests/support/accounts.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr std::array kRoads{std::pair("queue", Dispatch::queue), std::pair("shared", Dispatch::shared),
                            std::pair("spawn", Dispatch::spawn)};
constexpr std::array<std::size_t, 5> kWorkers{1, 4, 16, 64, 256};
constexpr std::array<std::size_t, 4> kClients{1, 10, 100, 1000};
constexpr std::size_t kUsualWorkers = 16;
constexpr std::size_t kUsualClients = 100;
constexpr const char* kPermit = "usher-roads";  // a PAM service that lets everybody in, so that it does not hide the road

struct Server {
  NewSession sessions;
  pid_t pid;
  std::shared_ptr<void> owner;
};
using StartServer = std::function<Server(const std::pair<const char*, Dispatch>& road, std::size_t workers)>;

// ---- who is compared ----

StartServer bare_servers(const BenchGround& ground) {
  return [&ground](const auto& road, std::size_t workers) -> Server {
    const std::string file = ground.path("bare-" + std::to_string(workers) + ".db");
    const auto server = std::make_shared<BareServer>(road.second, workers, file);
    return {echo_sessions(server->port()), server->pid(), server};
  };
}

// All workers of the pool are to be there at any time.
std::string configuration(const BenchGround& ground, const std::string& road, std::size_t workers) {
  const std::string count = std::to_string(workers);
  return "[[listener]]\nname = \"bench\"\naddress = \"127.0.0.1:0\"\npool = \"bench\"\nmax_logins = 4000\n"
         "max_sessions = 4000\npending_timeout = \"60s\"\ndispatch = \"" +
         road + "\"\n\n[pool.bench]\npam_service = \"" + kPermit + "\"\ninitial = " + count + "\nthreshold = " + count +
         "\nadditional = " + count + "\nmaximum = " + count + "\n\n[program.say]\ncommand = [\"" + ground.say() +
         "\"]\nusers = [\"*\"]\n";
}

NewSession logins(std::uint16_t port) {
  const std::string user(testing::account::kNormal);
  return line_sessions(port, {{{"100 ", user + "\r\n"},
                               {"102 ", "say\r\n"},
                               {"hello", ""},
                               {"103 ", ""}}});
}

StartServer ushers(const BenchGround& ground) {
  return [&ground](const auto& road, std::size_t workers) -> Server {
    const auto usher =
        std::make_shared<BenchUsher>(ground, std::string("roads-") + road.first, configuration(ground, road.first, workers));
    return {logins(usher->port()), usher->pid(), usher};
  };
}

void permit_everybody() {
  std::ofstream file(std::string("/etc/pam.d/") + kPermit);
  for (const char* kind : {"auth", "account", "session"}) file << kind << " required pam_permit.so\n";
  file.close();
  if (!file) throw std::runtime_error("a PAM service cannot be written");
}

// ---- how ----

struct Figures {
  std::vector<double> rates, p50, p99, cpu_us;
};

// So that a client has several turns, however many there are.
milliseconds time_for(std::size_t clients, milliseconds each, const BenchOptions& options) {
  return std::max(options.time, each * static_cast<int>(clients));
}

void measure(const Server& server, std::size_t clients, milliseconds each, const BenchOptions& options, Figures& figures) {
  const auto before = calm_processor_time_of(server.pid);
  const LoadResult result = keep_busy(server.sessions, clients, 200ms + each * static_cast<int>(clients) / 2, time_for(clients, each, options));
  const std::chrono::duration<double, std::micro> cpu = calm_processor_time_of(server.pid) - before;
  if (result.failures > 0) throw std::runtime_error("a session failed: " + result.first_failure);
  figures.rates.push_back(result.rate());
  figures.p50.push_back(percentile(result.latencies, 0.5));
  figures.p99.push_back(percentile(result.latencies, 0.99));
  figures.cpu_us.push_back(cpu.count() / static_cast<double>(result.sessions));
}

// Rounds take turns, so that what else the machine does hits all of them.
void compare(const std::map<std::string, Server>& servers, std::size_t workers, std::size_t clients, milliseconds each,
             const BenchOptions& options, Table& table) {
  std::map<std::string, Figures> figures;
  for (unsigned round = 0; round < options.rounds; ++round) {
    for (const auto& [road, server] : servers) measure(server, clients, each, options, figures[road]);
  }
  for (const auto& [road, of_road] : figures) {
    table.add({road, std::to_string(workers), std::to_string(clients), number(median(of_road.rates)),
               number(median(of_road.p50)), number(median(of_road.p99)), number(median(of_road.cpu_us))});
  }
}

bool wanted(std::size_t workers, std::size_t clients, const BenchOptions& options) {
  if (options.clients != 0) return clients == options.clients;
  return workers == kUsualWorkers || clients == kUsualClients;
}

// `each`: how long a client may need for a session when all of them want one.
void run_part(const std::string& title, const StartServer& start, milliseconds each, const BenchOptions& options) {
  std::cout << "## " << title << "\n\n";
  Table table({"dispatch", "workers", "clients", "sessions/s", "p50 ms", "p99 ms", "CPU us"});
  for (const std::size_t workers : kWorkers) {
    std::map<std::string, Server> servers;
    for (const auto& road : kRoads) {
      if (options.server.empty() || options.server == road.first) servers[road.first] = start(road, workers);
    }
    for (const std::size_t clients : kClients) {
      if (wanted(workers, clients, options)) compare(servers, workers, clients, each, options, table);
    }
  }
  table.print();
}

void run(const BenchOptions& options) {
  allow_many_descriptors();
  const BenchGround ground;
  permit_everybody();
  std::cout << "# Roads to a worker\n\n";
  print_machine();
  std::cout << "CPU: of all the server's processes, those that have ended too, for a connection. Medians of " << options.rounds
            << " rounds.\n\n";
  run_part("The hand-over alone", bare_servers(ground), 0ms, options);
  run_part("With a login and a program", ushers(ground), 3ms, options);
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  usher::bench::BenchOptions usual;
  usual.time = std::chrono::milliseconds(700);
  return usher::bench::bench_main(count, arguments, usher::bench::run, usual);
}
