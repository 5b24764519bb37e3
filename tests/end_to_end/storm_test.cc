// Far more clients than can be served, with processes killed in between: everybody gets an answer, and it passes.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <future>
#include <random>
#include <thread>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kStorm = 2'000;  // connections at one time
constexpr std::size_t kThreads = 40;
constexpr int kKills = 20;
constexpr int kSpawnAhead = 8;  // workers asked for that have not taken their client
constexpr auto kOverAfter = 60s;  // for the machine to be through with the storm

// With room for that many connections in this process, or false.
bool room_for_storm() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < 2 * kStorm) return false;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

Setting setting(const std::string& road) {
  return steady({.programs = shell_program("slow", "sleep 0.05; id -un"),
                 .listener = "max_logins = 3000\npending_timeout = \"2s\"\ndispatch = \"" + road + "\"\n",
                 .pool = "maximum = 40"});
}

// When it is calm.
Kept kept(const std::string& road) {
  return {road == "spawn" ? 0 : kSteadyWorkers, road == "queue" ? kSteadyWorkers : 0};
}

bool serves(const Installation& usher) try {
  return run_program(usher.address(), usual_account(), "slow").starts_with(usual_account() + "\n");
} catch (const ClientError&) {
  return false;  // its worker was killed
}

struct Answers {
  std::atomic<int> served{0}, busy{0}, cut{0}, strange{0};
};

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

// What a storm of kills has hit, while it lasts: most of the time some process of a connection, now and then listener or pool.
class Killer {
 public:
  Killer(const Installation& usher, bool kills) : usher_(usher) {
    if (kills) thread_ = std::thread([this] { run(); });
  }
  Killer(const Killer&) = delete;
  Killer& operator=(const Killer&) = delete;
  ~Killer() { stop(); }

  void stop() {
    storming_ = false;
    if (thread_.joinable()) thread_.join();
  }
  // So many clients it may have cut off: each process had one at the most. A listener may have been about to send one. With
  // "spawn" clients are in the hands of the pool alone when it dies before it has served those of a listener that died.
  int victims(const std::string& road) const { return connections_ + listeners_ + (road == "spawn" ? kSpawnAhead * pools_ : 0); }

 private:
  void run() {
    for (int i = 0; i < kKills && storming_; ++i) {
      std::this_thread::sleep_for(100ms);
      if (i % 4 == 1) {
        listeners_ += kill(usher_.service("usher-listener"));
      } else if (i % 4 == 3) {
        pools_ += kill(usher_.service("usher-pool"));
      } else {
        connections_ += kill(one_of_a_connection());
      }
    }
  }

  static int kill(pid_t pid) { return pid != 0 && signal_to(pid, SIGKILL) ? 1 : 0; }

  pid_t one_of_a_connection() {
    auto processes = descendants_of(usher_.starter());
    std::erase_if(processes, [](const ProcessEntry& process) { return process.name == "usher-pool" || process.name == "usher-listener"; });
    return processes.empty() ? 0 : processes[random_() % processes.size()].pid;
  }

  const Installation& usher_;
  std::mt19937 random_{11};
  std::atomic<bool> storming_{true};
  std::atomic<int> connections_{0}, listeners_{0}, pools_{0};
  std::thread thread_;
};

void all_is_over(const Installation& usher, const Holdings& before, const std::string& road) {
  CHECK(wait_until([&] { return usher.service("usher-pool") != 0 && usher.service("usher-listener") != 0; }, kOverAfter));
  CHECK(serves(usher));
  CHECK(wait_until([&] { return usher.jobs().size() == 2 + kept(road).workers; }, kOverAfter));
  CHECK(wait_until([&] { return usher.is_calm(kept(road).workers); }, kOverAfter));
  CHECK(usher.usher({"check", "--live"}).error_output == "");
  CHECK(holdings_of(usher, kept(road)) == before);
}

// Units: KB, of those who live through storms in which nobody is killed.
long memory_of(const Installation& usher) {
  long sum = 0;
  for (const pid_t pid : {usher.starter(), usher.service("usher-listener"), usher.service("usher-pool")}) {
    sum += proportional_memory_kb(pid);
  }
  return sum;
}

// Everybody at once, each to its end.
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

}  // namespace

TEST_CASE("storm: of 2,000 clients at once each one is served or told that it is busy") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  for (const std::string road : {"queue", "shared", "spawn"}) {
    for (const bool killing : {false, true}) {
      CAPTURE(road);
      CAPTURE(killing);
      const Installation usher(setting(road));
      const Holdings before = holdings_of(usher, kept(road));
      Answers answers;
      Killer killer(usher, killing);
      storm(usher, answers);
      killer.stop();
      MESSAGE(std::string(road) << (killing ? ", killing" : "") << ": served " << answers.served.load() << ", busy " << answers.busy.load()
                   << ", cut " << answers.cut.load() << " of " << killer.victims(road));
      CHECK(answers.strange == 0);
      CHECK(answers.served > 0);
      CHECK(answers.cut <= killer.victims(road));
      all_is_over(usher, before, road);
    }
  }
}

TEST_CASE("storm: a third one needs no more memory than those before") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  const Installation usher(setting("queue"));
  const Holdings before = holdings_of(usher);
  std::vector<long> memory;
  for (int i = 0; i < 3; ++i) {
    Answers answers;
    storm(usher, answers);
    all_is_over(usher, before, "queue");
    memory.push_back(memory_of(usher));
  }
  const long before_third = std::max(memory[0], memory[1]);
  CHECK(memory[2] < before_third + before_third / 5);
}

TEST_CASE("storm: 2,000 that say nothing, and go, leave nothing behind") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  for (const bool killing : {false, true}) {
    CAPTURE(killing);
    const Installation usher(setting("queue"));
    const Holdings before = holdings_of(usher);
    {
      Killer killer(usher, killing);
      std::vector<Client> silent;
      for (std::size_t i = 0; i < kStorm; ++i) silent.emplace_back(usher.address());
    }
    all_is_over(usher, before, "queue");
  }
}

TEST_CASE("storm: whoever connects and closes at once, thousands of times, keeps nobody else out") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const bool killing : {false, true}) {
    CAPTURE(killing);
    const Installation usher(setting("queue"));
    const Holdings before = holdings_of(usher);
    {
      Killer killer(usher, killing);
      int lost = 0;
      for (std::size_t i = 0; i < kStorm; ++i) {
        Client client(usher.address());
        if (i % 2 == 0) client.reset();
        if (i % 500 == 0) lost += serves(usher) ? 0 : 1;
      }
      killer.stop();
      CHECK(lost <= killer.victims("queue"));
    }
    all_is_over(usher, before, "queue");
  }
}
