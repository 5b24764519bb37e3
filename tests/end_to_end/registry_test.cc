// The registry and the history tell what really is and was, in whatever order the news of it arrive.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using usher::UniqueFd;

namespace {

// A process that is stopped while this stands, by SIGSTOP.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) {
    signal_to(pid_, SIGSTOP);
    wait_until([&] { return status_of(pid_, "State").starts_with("T"); });
  }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  ~Stopped() { go_on(); }
  void go_on() const { signal_to(pid_, SIGCONT); }

 private:
  pid_t pid_;
};

// Whether a stopped template has an order that it has not read: its channel to the starter is its first descriptor.
bool has_an_order(pid_t pattern) {
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pattern, 0)));
  const UniqueFd channel(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), 3, 0)));
  int waiting = 0;
  return ::ioctl(channel.get(), FIONREAD, &waiting) == 0 && waiting > 0;
}

std::set<pid_t> children(pid_t pid) {
  std::set<pid_t> found;
  for (const ProcessEntry& process : children_of(pid)) found.insert(process.pid);
  return found;
}

}  // namespace

TEST_CASE("registry: a job from its start to its end") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = shell_program("stay", "echo $$; cat; exit 3")}));
  for (const JobRow& job : usher.jobs()) {
    if (job.at("kind") == "worker") {
      CHECK(job.at("status") == "ready");
      CHECK(job.at("user") == usher.jobs_with("kind", "pool")[0].at("user"));
      CHECK(job.at("client").empty());
    }
  }
  Client client(usher.address());
  client.expect_line(100);
  const JobRow login = usher.job_of(client);
  CHECK(login.at("status") == "login");
  CHECK(login.at("listener") == "generic");
  CHECK(login.at("program").empty());
  client.send_line(usual_account());
  client.answer(101, usual_account() + "-secret");
  client.answer(102, "stay");
  CHECK(client.expect_line(110) == login.at("job"));
  const std::string program = client.read_line();
  CHECK(wait_until([&] { return usher.job_of(client).at("status") == "active"; }));
  const JobRow active = usher.job_of(client);
  CHECK(active.at("id") == login.at("id"));
  CHECK(active.at("user") == usual_account());
  CHECK(active.at("program") == "stay");
  CHECK(active.at("pid") == program);
  CHECK(active.at("since") >= login.at("since"));
  CHECK(active.at("entered") == login.at("entered"));
  client.finish_sending();
  client.read_until_closed();
  CHECK(wait_until([&] { return usher.job_of(client).count("end") == 1; }));
  const JobRow ended = usher.job_of(client);
  CHECK(ended.at("id") == login.at("id"));
  CHECK(ended.at("status") == "ended");
  CHECK(ended.at("end") == "status 3");
  CHECK(ended.at("user") == usual_account());
}

TEST_CASE(
    "registry: the pool may hear of an end late and from the starter first: how the job ended is told all the same") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = shell_program("fail", "echo on; read x; echo why >&2; exit 7")}));
  const Holdings before = holdings_of(usher);
  Client client(usher.address());
  log_in(client, usual_account(), "fail");
  CHECK(client.read_line() == "on");
  CHECK(wait_until([&] { return usher.job_of(client).at("status") == "active"; }));
  const pid_t worker = worker_of(usher, client);
  const pid_t idle = ready_workers(usher).at(0);
  {
    const Stopped pool(usher.service("usher-pool"));
    signal_to(idle, SIGKILL);
    CHECK(wait_until([&] { return !is_running(idle); }));
    client.send_line("go on");
    client.read_until_closed();
    client.close();
    CHECK(wait_until([&] { return !is_running(worker); }));
  }
  CHECK(wait_until([&] { return usher.jobs_with("end", "status 7").size() == 1; }));
  CHECK(usher.usher({"job", "log", usher.jobs_with("end", "status 7").at(0).at("id")}).output == "why\n");
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("registry: a worker that died before the template could tell of it is not taken for a living one") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  const std::vector<pid_t> workers = ready_workers(usher);
  const pid_t template_pid = template_of(usher);
  const Stopped pattern(template_pid);
  // Its place is asked for, from a template that cannot answer yet.
  signal_to(workers.at(0), SIGKILL);
  REQUIRE(wait_until([&] { return has_an_order(template_pid); }));
  {
    const Stopped starter(usher.starter());
    signal_to(workers.at(1), SIGKILL);  // so that the starter looks at its children first
    CHECK(wait_until([&] { return !is_running(workers.at(1)); }));
    const std::set<pid_t> old = children(usher.starter());
    pattern.go_on();
    pid_t forked = 0;
    REQUIRE(wait_until([&] {
      for (const pid_t pid : children(usher.starter())) {
        if (!old.contains(pid)) forked = pid;
      }
      return forked != 0;
    }));
    signal_to(forked, SIGKILL);
    CHECK(wait_until([&] { return !is_running(forked); }));
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("registry: whoever looks while jobs end sees each of them, once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  Visitors visitors(usher.address(), 2);
  std::set<std::string> known;
  for (int look = 0; look < 40; ++look) {
    std::set<std::string> now;
    for (const JobRow& job : usher.jobs(true)) CHECK(now.insert(job.at("id")).second);
    CHECK(std::includes(now.begin(), now.end(), known.begin(), known.end()));
    known = now;
  }
  CHECK(visitors.stop().failure == "");
  CHECK(known.size() > 40);
}

TEST_CASE("registry: after a hundred logins nothing is left over, and the history has all of them") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  Visitors visitors(usher.address(), 4);
  CHECK(wait_until([&] { return visitors.served() >= 100; }));
  const Visitors::Tally tally = visitors.stop();
  CHECK(tally.failure == "");
  CHECK(comes_back_to(usher, before));
  CHECK(usher.jobs_with("end", "normal").size() == static_cast<std::size_t>(tally.served));
}
