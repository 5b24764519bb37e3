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
constexpr auto kOverAfter = 60s;  // for the machine to be through with the storm

// With room for that many connections in this process, or false.
bool room_for_storm() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < 2 * kStorm) return false;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

Setting setting() {
  return steady({.programs = shell_program("slow", "sleep 0.05; id -un"),
                 .listener = "max_logins = 3000\npending_timeout = \"2s\"\n",
                 .pool = "maximum = 40"});
}

bool serves(const Installation& usher) {
  return run_program(usher.address(), usual_account(), "slow").starts_with(usual_account() + "\n");
}

struct Answers {
  std::atomic<int> served{0}, busy{0}, cut{0}, strange{0};
};

// A client that is connected already, to its end.
void visit(Client& client, Answers& answers) try {
  client.set_patience(kOverAfter);
  const std::string first = client.read_line();
  if (first.starts_with("910 ") || first.starts_with("904 ")) {
    ++answers.busy;
  } else if (first.starts_with("100 ")) {
    client.send_line(usual_account());
    client.answer(101, usual_account() + "-secret");
    client.answer(102, "slow");
    const std::string rest = client.read_until_closed();
    ++(rest.find("\r\n103 ") != std::string::npos ? answers.served : answers.cut);
  } else {
    ++answers.strange;
  }
} catch (const ClientError&) {
  ++answers.cut;  // its own worker was killed
}

// Random processes below the starter, while the storm lasts.
void kill_some(const Installation& usher, const std::atomic<bool>& storming) {
  std::mt19937 random(11);
  for (int i = 0; i < kKills && storming; ++i) {
    std::this_thread::sleep_for(100ms);
    const auto processes = descendants_of(usher.starter());
    if (!processes.empty()) signal_to(processes[random() % processes.size()].pid, SIGKILL);
  }
}

void all_is_over(const Installation& usher) {
  CHECK(wait_until([&] { return usher.service("usher-pool") != 0 && usher.service("usher-listener") != 0; }, kOverAfter));
  CHECK(serves(usher));
  CHECK(wait_until([&] { return usher.jobs().size() == 2 + kSteadyWorkers; }, kOverAfter));
  CHECK(wait_until([&] { return usher.is_calm(kSteadyWorkers); }, kOverAfter));
  CHECK(usher.usher({"check", "--live"}).error_output == "");
}

}  // namespace

TEST_CASE("storm: of 2,000 clients at once each one is served or told that it is busy") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  for (const bool killing : {false, true}) {
    CAPTURE(killing);
    const Installation usher(setting());
    std::vector<Client> clients;
    for (std::size_t i = 0; i < kStorm; ++i) clients.emplace_back(usher.address());
    Answers answers;
    std::atomic<bool> storming{true};
    auto killer = std::async(std::launch::async, [&] {
      if (killing) kill_some(usher, storming);
    });
    {
      std::vector<std::future<void>> threads;
      for (std::size_t first = 0; first < kThreads; ++first) {
        threads.push_back(std::async(std::launch::async, [&, first] {
          for (std::size_t i = first; i < clients.size(); i += kThreads) visit(clients[i], answers);
        }));
      }
    }
    storming = false;
    killer.get();
    MESSAGE("served: " << answers.served.load() << ", busy: " << answers.busy.load() << ", cut: " << answers.cut.load());
    CHECK(answers.strange == 0);
    CHECK(answers.served > 0);
    if (!killing) CHECK(answers.cut == 0);
    clients.clear();
    all_is_over(usher);
  }
}

TEST_CASE("storm: 2,000 that say nothing, and go, leave nothing behind") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  const Installation usher(setting());
  const Holdings before = holdings_of(usher);
  {
    std::vector<Client> silent;
    for (std::size_t i = 0; i < kStorm; ++i) silent.emplace_back(usher.address());
  }
  all_is_over(usher);
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("storm: whoever connects and closes at once, thousands of times, keeps nobody else out") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(setting());
  const Holdings before = holdings_of(usher);
  for (std::size_t i = 0; i < kStorm; ++i) {
    Client client(usher.address());
    if (i % 2 == 0) client.reset();
    if (i % 500 == 0) CHECK(serves(usher));
  }
  all_is_over(usher);
  CHECK(comes_back_to(usher, before));
}
