// Far more clients than can be served, with processes killed in between: everybody gets an answer, and it passes.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dataqueue/sqlite.h"
#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/storm.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

constexpr std::size_t kMostStorms = 8;  // until memory levels off

// When it is calm.
Kept kept(const std::string& road) {
  return {road == "spawn" ? 0 : kSteadyWorkers, road == "queue" ? kSteadyWorkers : 0};
}

bool serves(const Installation& usher) try {
  return run_program(usher.address(), usual_account(), "slow").starts_with(usual_account() + "\n");
} catch (const ClientError&) {
  return false;  // its worker was killed
}

void all_is_over(const Installation& usher, const Holdings& before, const std::string& road) {
  CHECK(wait_until([&] { return usher.service("usher-pool") != 0 && usher.service("usher-listener") != 0; }, kOverAfter));
  CHECK(serves(usher));
  CHECK(wait_until([&] { return usher.jobs().size() == 2 + kept(road).workers; }, kOverAfter));
  CHECK(wait_until([&] { return usher.is_calm(kept(road).workers); }, kOverAfter));
  CHECK(usher.usher({"check", "--live"}).error_output == "");
  CHECK(holdings_of(usher, kept(road)) == before);
}

// Units: KB, of those who live through storms in which nobody is killed; how many others share it does not count.
long memory_of(const Installation& usher) {
  long sum = 0;
  for (const pid_t pid : {usher.starter(), usher.service("usher-listener"), usher.service("usher-pool")}) {
    sum += std::stol(status_of(pid, "RssAnon"));
  }
  return sum;
}

// The pool keeps what it has read of the history in its memory, up to a bound: this much, as soon as it begins.
void fill_history(const Installation& usher) {
  usher::Database history = usher::Database::open(usher.directory().path("state/db/history.db"), {});
  history.execute(
      "WITH RECURSIVE job (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM job WHERE number < 80000) "
      "INSERT INTO history SELECT number + 1000000, randomblob(16), number, '', '', 'worker', '', '', '', '', '', 0, 0, 0, 0, "
      "'normal', 0, 0 FROM job");
  const pid_t pool = usher.service("usher-pool");
  REQUIRE(signal_to(pool, SIGKILL));
  REQUIRE(wait_until([&] { return usher.has_new_service("usher-pool", pool); }));
}

}  // namespace

TEST_CASE("storm: of 2,000 clients at once each one is served or told that it is busy") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  for (const std::string road : {"queue", "shared", "spawn"}) {
    for (const bool killing : {false, true}) {
      CAPTURE(road);
      CAPTURE(killing);
      const Installation usher(storm_setting(road));
      const Holdings before = holdings_of(usher, kept(road));
      Answers answers;
      Killer killer(usher, killing);
      storm(usher, answers);
      killer.stop();
      MESSAGE(road << std::string(killing ? ", killing" : "") << ": served " << answers.served.load() << ", busy " << answers.busy.load()
                   << ", cut " << answers.cut.load() << " of " << killer.victims(road));
      CHECK(answers.strange == 0);
      CHECK(answers.served > 0);
      CHECK(answers.cut <= killer.victims(road));
      all_is_over(usher, before, road);
    }
  }
}

// What is lost in each storm adds up without an end; how many clients wait at one time differs from storm to storm.
TEST_CASE("storm: the memory of those who live through them levels off") {
  SKIP_UNLESS(!kSanitized, "a sanitizer keeps what was freed, up to a bound beyond this");
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  const Installation usher(storm_setting("queue"));
  fill_history(usher);
  const Holdings before = holdings_of(usher);
  const auto memory_after_storm = [&] {
    Answers answers;
    storm(usher, answers);
    all_is_over(usher, before, "queue");
    return memory_of(usher);
  };
  std::vector<long> memory;
  const auto storms_since_the_most = [&] { return memory.end() - std::max_element(memory.begin(), memory.end()) - 1; };
  while (memory.size() < 3 || (storms_since_the_most() < 2 && memory.size() < kMostStorms)) memory.push_back(memory_after_storm());
  std::string all;
  for (const long kb : memory) all += std::to_string(kb) + " KB ";
  CAPTURE(all);
  CHECK(storms_since_the_most() >= 2);
}

TEST_CASE("storm: 2,000 that say nothing, and go, leave nothing behind") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(room_for_storm(), "needs a limit of 4,000 descriptors");
  for (const bool killing : {false, true}) {
    CAPTURE(killing);
    const Installation usher(storm_setting("queue"));
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
    const Installation usher(storm_setting("queue"));
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
