// Programs that mean harm to their worker, to Usher and to other sessions: they reach nobody, and their jobs can be
// ended.
#include <doctest/doctest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kWho = shell_program("who", "id -un");

bool serves_others(const Installation& usher, const std::string& user = usual_account()) {
  return run_program(usher.address(), user, "who").starts_with(user + "\n");
}

// As an operator does, and told as such to the client.
void end_job(const Installation& usher, Client& client, const std::vector<std::string>& how) {
  std::vector<std::string> words{"job", "end", usher.job_of(client).at("job")};
  words.insert(words.end(), how.begin(), how.end());
  CHECK(usher.usher(words).ending.code == 0);
  CHECK(client.read_until_closed().ends_with("\r\n902 signal SIGKILL\r\n"));
}

std::size_t descendants_named(pid_t pid, const std::string& name) {
  const auto all = descendants_of(pid);
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const ProcessEntry& process) { return process.name == name; }));
}

}  // namespace

// Each process forks without end, in process groups of their own; the limit counts all that the user has.
TEST_CASE("hostile program: a fork bomb within its limit keeps nobody else out, and ends whole with its job") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "the limit counts all processes of the user");
  const std::string user(account::kPrimary);
  const Installation usher(steady(
      {.programs =
           kWho + shell_program("bomb", "echo on; exec perl -e 'while (1) { defined($p = fork) && !$p && setpgrp }'",
                                "nice = 19\nlimits = { processes = 40 }")}));
  const Holdings before = holdings_of(usher);
  Client client(usher.address());
  log_in(client, user, "bomb");
  CHECK(client.read_line() == "on");
  CHECK(wait_until([&] { return descendants_named(usher.starter(), "perl") > 30; }));
  CHECK(serves_others(usher));
  end_job(usher, client, {"--immediate"});
  CHECK(descendants_named(usher.starter(), "perl") == 0);
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("hostile program: one that stops itself, and one that has closed all it was given, can be ended") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(
      steady({.programs = kWho + shell_program("stopped", "echo on; kill -STOP $$; exec cat") +
                          shell_program("closed",
                                        "echo on; exec <&- >&- 2>&-; trap \"\" HUP TERM; while :; do sleep 1; done")}));
  const Holdings before = holdings_of(usher);
  for (const char* program : {"stopped", "closed"}) {
    CAPTURE(program);
    Client client(usher.address());
    log_in(client, usual_account(), program);
    CHECK(client.read_line() == "on");
    CHECK(serves_others(usher));
    end_job(usher, client, {"--delay", "1"});
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("hostile program: it can neither signal nor look into its worker, or any other process of Usher") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "all processes are one user's");
  const std::string attack =
      "for pid in $PPID $0 \"$@\"; do\n"
      "  for signal in STOP TERM KILL; do kill -$signal $pid && echo reached $pid by $signal; done\n"
      "  for file in mem environ maps; do cat /proc/$pid/$file && echo read $file of $pid; done\n"
      "  ls /proc/$pid/fd && echo listed $pid\n"
      "done 2>/dev/null; echo tried";
  const Installation usher(steady({.programs = kWho + shell_program("attack", attack, "arguments = true")}));
  const Holdings before = holdings_of(usher);
  std::string line = "attack " + std::to_string(usher.starter());
  for (const ProcessEntry& process : descendants_of(usher.starter())) line += " " + std::to_string(process.pid);
  CHECK(run_program(usher.address(), usual_account(), line).starts_with("tried\n\r\n103 "));
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("hostile program: what it writes to standard error is kept up to a bound, and holds it up no longer") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho + shell_program("flood", "head -c 50000000 /dev/zero >&2; echo written")});
  CHECK(run_program(usher.address(), usual_account(), "flood").starts_with("written\n"));
  std::size_t logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(usher.directory().path("state/logs"))) {
    CHECK(entry.file_size() < 2 << 20);
    if (entry.file_size() > 0) ++logs;
  }
  CHECK(logs == 1);
  CHECK(serves_others(usher));
}

TEST_CASE("hostile program: daemons that leave their session, their parent and every signal end with their job") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string daemon =
      "for i in 1 2 3 4 5; do setsid sh -c 'trap \"\" HUP INT TERM; (sleep 300; :) & sleep 300; :' <&- >&- 2>&- & done;"
      "sleep 0.1; echo left";
  const Installation usher(steady({.programs = kWho + shell_program("daemons", daemon)}));
  const Holdings before = holdings_of(usher);
  CHECK(run_program(usher.address(), usual_account(), "daemons").starts_with("left\n"));
  CHECK(descendants_named(usher.starter(), "sleep") == 0);
  CHECK(comes_back_to(usher, before));
}
