#include "tests/end_to_end/storm.h"

#include <signal.h>
#include <sys/resource.h>

#include <future>
#include <vector>

#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"

namespace usher::testing {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kThreads = 40;
constexpr int kKills = 20;
constexpr auto kBetweenKills = 100ms;
constexpr int kSpawnAhead = 8;  // workers asked for that have not taken their client

// A client that is connected already, to its end.
void visit(Client& client, Answers& answers) try {
  client.set_patience(kOverAfter);
  std::string line = client.read_line();
  if (line.starts_with("100 ")) {
    client.send_line(usual_account());
    line = client.read_line();  // it may still be busy: the listener says the first prompt ahead
  }
  if (line.starts_with("910 ") || line.starts_with("904 ")) {
    ++answers.busy;
  } else if (line.starts_with("101 ")) {
    client.send_line(usual_account() + "-secret");
    client.answer(102, "slow");
    const std::string rest = client.read_until_closed();
    ++(rest.find("\r\n103 ") != std::string::npos ? answers.served : answers.cut);
  } else {
    ++answers.strange;
  }
} catch (const ClientError&) {
  ++answers.cut;  // its own worker was killed
}

int kill(pid_t pid) { return pid != 0 && signal_to(pid, SIGKILL) ? 1 : 0; }

}  // namespace

bool room_for_storm() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < 2 * kStorm) return false;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

Setting storm_setting(const std::string& road) {
  return steady({.programs = shell_program("slow", "sleep 0.05; id -un"),
                 .listener = "max_logins = 3000\npending_timeout = \"2s\"\ndispatch = \"" + road + "\"\n",
                 .pool = "maximum = 40"});
}

void storm(const Installation& usher, Answers& answers) {
  std::vector<Client> clients;
  for (std::size_t i = 0; i < kStorm; ++i) clients.emplace_back(usher.address());
  std::vector<std::future<void>> threads;
  for (std::size_t first = 0; first < kThreads; ++first) {
    threads.push_back(std::async(std::launch::async, [&, first] {
      for (std::size_t i = first; i < clients.size(); i += kThreads) visit(clients[i], answers);
    }));
  }
}

Killer::Killer(const Installation& usher, bool kills) : usher_(usher) {
  if (kills) thread_ = std::thread([this] { run(); });
}

void Killer::stop() {
  storming_ = false;
  if (thread_.joinable()) thread_.join();
}

int Killer::victims(const std::string& road) const {
  return connections_ + listeners_ + (road == "spawn" ? kSpawnAhead * pools_ : 0);
}

void Killer::run() {
  for (int i = 0; i < kKills && storming_; ++i) {
    std::this_thread::sleep_for(kBetweenKills);
    if (i % 4 == 1) {
      listeners_ += kill(usher_.service("usher-listener"));
    } else if (i % 4 == 3) {
      pools_ += kill(usher_.service("usher-pool"));
    } else {
      connections_ += kill(one_of_a_connection());
    }
  }
}

pid_t Killer::one_of_a_connection() {
  auto processes = descendants_of(usher_.starter());
  std::erase_if(processes, [](const ProcessEntry& process) { return process.name == "usher-pool" || process.name == "usher-listener"; });
  return processes.empty() ? 0 : processes[random_() % processes.size()].pid;
}

}  // namespace usher::testing
