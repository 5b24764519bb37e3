// Out of descriptors: nobody falls over or spins, and everything goes on by itself when the shortage is over.
#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

// So many more descriptors a process may have, until this goes.
class FewDescriptors {
 public:
  FewDescriptors(pid_t pid, std::size_t spare) : pid_(pid) {
    std::istringstream line(limit_line());
    line >> before_;
    const auto open = descriptors_of(pid);
    int limit = 0;
    for (std::size_t free = 0; free < spare || open.contains(limit); ++limit) free += open.contains(limit) ? 0U : 1U;
    set(std::to_string(limit));
  }
  ~FewDescriptors() { set(before_); }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  // "1024 4096 files" of "Max open files  1024  4096  files".
  std::string limit_line() const {
    const std::string text = read_file("/proc/" + std::to_string(pid_) + "/limits");
    const std::string mark = "Max open files";
    return text.substr(text.find(mark) + mark.size());
  }
  // As the process's own user: root may not where it has no CAP_SYS_RESOURCE.
  void set(const std::string& soft) const {
    const std::string uids = status_of(pid_, "Uid");
    const passwd* account = uids.empty() ? nullptr : ::getpwuid(static_cast<uid_t>(std::stoul(uids)));
    if (account == nullptr) return;  // the process is gone
    run(command_as(account->pw_name, {"prlimit", "--pid", std::to_string(pid_), "--nofile=" + soft + ":"}));
  }

  pid_t pid_;
  std::string before_;
};

// Units: clock ticks of user and system time. Source: proc(5), stat: fields 14 and 15, counted behind the name.
long cpu_ticks(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat");
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  long user = 0;
  long system = 0;
  fields >> user >> system;
  return user + system;
}

// Within a second, of which this measures that nothing happens, it uses less than a tenth of a processor.
bool becomes_idle(pid_t pid) {
  return wait_until([&] {
    const long before = cpu_ticks(pid);
    std::this_thread::sleep_for(1s);
    return cpu_ticks(pid) - before < ::sysconf(_SC_CLK_TCK) / 10;
  });
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

bool serves(const Installation& usher) {
  return wait_until([&] {
    try {
      return run_program(usher.address(), usual_account(), "who").starts_with(usual_account());
    } catch (const ClientError&) {
      return false;
    }
  });
}

struct Services {
  explicit Services(const Installation& usher)
      : starter(usher.starter()), listener(usher.service("usher-listener")), pool(usher.service("usher-pool")) {}
  bool operator==(const Services&) const = default;
  pid_t starter, listener, pool;
};

// None of them was started anew.
bool still_runs(const Installation& usher, const Services& before) {
  const bool same = Services(usher) == before;
  if (!same) MESSAGE(usher.log());
  return same;
}

}  // namespace

TEST_CASE("shortage: a listener out of descriptors lets clients wait in the backlog, and takes them when others leave") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared", "spawn"}) {
    CAPTURE(road);
    const Installation usher({.programs = kWho, .listener = "max_logins = 1000\ndispatch = \"" + road + "\""});
    CHECK(serves(usher));
    const Services before(usher);
    const FewDescriptors few(before.listener, 40);
    std::vector<Client> silent;
    for (int i = 0; i < 60; ++i) silent.emplace_back(usher.address());
    CHECK(wait_until([&] { return count(usher.log(), "accept_paused") == 1; }));
    CHECK(becomes_idle(before.listener));
    CHECK(usher.reload().ending.code == 0);
    CHECK(becomes_idle(before.listener));
    CHECK(count(usher.log(), "accept_paused") == 1);
    silent.clear();
    CHECK(serves(usher));
    CHECK(still_runs(usher, before));
  }
}

TEST_CASE("shortage: a pool out of descriptors starts its workers when there are some again") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string road : {"queue", "shared", "spawn"}) {
    CAPTURE(road);
    const Installation usher({.programs = kWho, .listener = "dispatch = \"" + road + "\""});
    CHECK(serves(usher));
    const Services before(usher);
    std::vector<Client> silent;
    {
      const FewDescriptors few(before.pool, 20);
      for (int i = 0; i < 30; ++i) silent.emplace_back(usher.address());
      // On the shared road the clients' own descriptors may be too many under way first, and nothing is to be said.
      if (road == "queue") CHECK(wait_until([&] { return count(usher.log(), "pool_paused") == 1; }));
      CHECK(becomes_idle(before.pool));
      CHECK(count(usher.log(), "pool_paused") <= 1);
    }
    silent.clear();
    CHECK(serves(usher));
    CHECK(still_runs(usher, before));
  }
}

TEST_CASE("shortage: a starter out of descriptors refuses workers, answers commands, and goes on") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho});
  CHECK(serves(usher));
  const Services before(usher);
  std::vector<Client> silent;
  {
    const FewDescriptors few(before.starter, 20);
    for (int i = 0; i < 30; ++i) silent.emplace_back(usher.address());
    CHECK(wait_until([&] { return count(usher.log(), "pool_paused") == 1; }));
    CHECK(becomes_idle(before.starter));
    CHECK(usher.usher({"status"}).ending.code == 0);
  }
  silent.clear();
  CHECK(serves(usher));
  CHECK(still_runs(usher, before));
}

TEST_CASE("shortage: a starter with no descriptor at all for a command does not spin, and answers it later") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho});
  CHECK(serves(usher));
  const Services before(usher);
  std::optional<FewDescriptors> none(std::in_place, before.starter, 0);
  const std::vector<std::string> command{USHER_COMMAND, "status", "--config", usher.configuration()};
  std::optional<Process> status(std::in_place, command);
  CHECK(becomes_idle(before.starter));
  CHECK_FALSE(status->wait_for_end(0ms));
  none.reset();
  CHECK(status->wait().code == 0);
  CHECK(still_runs(usher, before));
}

TEST_CASE("shortage: a template that can start no worker is asked again, until it can") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho});
  CHECK(serves(usher));
  const auto below = descendants_of(usher.starter());
  const auto is_template = [&](const ProcessEntry& process) {
    return process.name == "usher-worker" && process.parent == usher.starter();
  };
  const auto pattern = std::find_if(below.begin(), below.end(), is_template);
  REQUIRE(pattern != below.end());
  std::vector<Client> silent;
  {
    const FewDescriptors few(pattern->pid, 0);
    for (int i = 0; i < 5; ++i) silent.emplace_back(usher.address());
    CHECK(wait_until([&] { return count(usher.log(), "pool_paused") >= 1; }));
  }
  silent.clear();
  CHECK(serves(usher));
}
