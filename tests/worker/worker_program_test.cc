#include <doctest/doctest.h>
#include <signal.h>

#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"
#include "tests/worker/worker_harness.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

constexpr int kClean = static_cast<int>(WorkerExit::clean);

// What a program prints in its first line, run for that user.
std::string first_line(const std::string& user, const std::string& script, const std::string& more = "") {
  WorkerHarness worker({.programs = shell_program("show", script, more)});
  Client client = worker.connect();
  worker.log_in(client, user, "show");
  std::string line = client.read_line();
  client.read_until_closed();
  client.close();
  CHECK(worker.wait() == kClean);
  return line;
}

}  // namespace

TEST_CASE("program: runs with the user's ids, all three of each, and all groups") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const std::string ids = "grep -E '^(Uid|Gid):' /proc/self/status | tr '\\t\\n' '  '";
  CHECK(first_line("normal", ids) == "Uid: 7001 7001 7001 7001 Gid: 7001 7001 7001 7001 ");
  CHECK(first_line("hugeuid", ids) ==
        "Uid: 3000000001 3000000001 3000000001 3000000001 Gid: 3000000001 3000000001 3000000001 3000000001 ");
  CHECK(first_line("normal", "id -G") == "7001 7101");
  CHECK(first_line("manygroups", "id -G | wc -w") == std::to_string(kManyGroups + 1));
  CHECK(first_line("Odd.na-me_9$", "id -un") == "Odd.na-me_9$");
}

TEST_CASE("program: root does not come back") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  CHECK(first_line("normal", "grep -E '^Cap(Inh|Prm|Eff|Amb):' /proc/self/status | tr -d '\\t\\n'") ==
        "CapInh:0000000000000000CapPrm:0000000000000000CapEff:0000000000000000CapAmb:0000000000000000");
}

TEST_CASE("program: has three descriptors, default signals, a session of its own, umask 077 and a free process") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  CHECK(first_line(usual_account(),
                   "grep -E '^(SigBlk|SigIgn|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t\\n'") ==
        "SigBlk:0000000000000000SigIgn:0000000000000000NoNewPrivs:0Seccomp:0");
  CHECK(first_line(usual_account(), "umask") == "0077");
  CHECK(first_line(usual_account(),
                   "set -- $(cut -d' ' -f1,5,6 /proc/$$/stat); [ $1 = $2 ] && [ $1 = $3 ] && echo own") == "own");
  CHECK(first_line(usual_account(), "readlink /proc/$$/fd/0 /proc/$$/fd/1 | uniq -d | cut -d: -f1") == "socket");
}

TEST_CASE("program: starts in the user's home, or in / with a note when that is missing") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  CHECK(first_line("private", "pwd") == home_of("private"));
  CHECK(first_line("private", "pwd", "working_directory = \"~/letters\"") == home_of("private") + "/letters");
  CHECK(first_line("normal", "pwd", "working_directory = \"/tmp\"") == "/tmp");
  WorkerHarness worker({.programs = shell_program("show", "pwd")});
  Client client = worker.connect();
  worker.log_in(client, "homeless", "show");
  CHECK(client.read_line() == "/");
  client.read_until_closed();
  client.close();
  CHECK(worker.wait() == kClean);
  CHECK(worker.log_text().starts_with("usher: the working directory cannot be entered"));
}

TEST_CASE("program: arguments are appended to the command when the configuration lets them") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker(
      {.programs = "[program.say]\nusers=[\"*\"]\narguments = true\ncommand = [\"/bin/echo\", \"-n\"]\n"});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "say $(id)  ;ls \"x\"");
  CHECK(client.read_line() == "$(id) ;ls \"x\"");
}

TEST_CASE("program: limits, nice and environment are the configured ones") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string limits =
      "limits = { open_files = 77, processes = 4000, cpu = \"9s\", file_size = \"8k\", memory = \"1G\" }";
  CHECK(first_line(usual_account(), "echo $(ulimit -n) $(ulimit -p) $(ulimit -t) $(ulimit -v)", limits) ==
        "77 4000 9 1048576");
  CHECK(first_line(usual_account(), "nice", "nice = 7") == "7");
  CHECK(first_line(usual_account(), "echo $GREETING $USHER_PROGRAM", "environment = { GREETING = \"hi\" }") ==
        "hi show");
}

TEST_CASE("program: a configured limit never exceeds what the session has, and the worker takes its own limits back") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  WorkerHarness worker({.programs = shell_program("show", "ulimit -n; read x", "limits = { open_files = 500 }"),
                        .pam_service = "usher-test-limits"});
  const std::string before = read_file("/proc/" + std::to_string(worker.pid()) + "/limits");
  Client client = worker.connect();
  worker.log_in(client, "normal", "show");
  CHECK(client.read_line() == "300");
  const std::string soft = "Max core file size        0";
  CHECK(read_file("/proc/" + std::to_string(worker.pid()) + "/limits").find(soft) == before.find(soft));
}

TEST_CASE("program: its end gives 103, or 902 with status or signal, on a line of its own") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Case {
    const char* script;
    const char* all;
    EndKind kind;
    int value;
  };
  for (const Case& program : {Case{"printf done", "done\r\n103 The program has ended.\r\n", EndKind::normal, 0},
                              Case{"exit 42", "\r\n902 status 42\r\n", EndKind::status, 42},
                              Case{"kill -KILL $$", "\r\n902 signal SIGKILL\r\n", EndKind::signal, SIGKILL}}) {
    CAPTURE(program.script);
    WorkerHarness worker({.programs = shell_program("end", program.script)});
    Client client = worker.connect();
    worker.log_in(client, usual_account(), "end");
    CHECK(client.read_until_closed() == program.all);
    client.close();
    worker.from_pool_channel<Active>();
    const auto ended = worker.from_pool_channel<Ended>();
    CHECK(ended.kind == program.kind);
    CHECK(ended.value == program.value);
    CHECK(worker.wait() == kClean);
  }
}

TEST_CASE("program: a command that cannot be executed is status 127, with the reason in the log") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = "[program.gone]\nusers=[\"*\"]\ncommand = [\"/no/such/program\"]\n"});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "gone");
  CHECK(client.read_until_closed() == "\r\n902 status 127\r\n");
  client.close();
  CHECK(worker.wait() == kClean);
}

TEST_CASE("program: standard error goes to the log, or to the client where that is configured") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  CHECK(first_line(usual_account(), "echo here >&2", "stderr = \"client\"") == "here");
  WorkerHarness worker({.programs = shell_program("show", "echo here >&2")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "show");
  CHECK(client.read_until_closed() == "\r\n103 The program has ended.\r\n");
  client.close();
  CHECK(worker.wait() == kClean);
  CHECK(worker.log_text() == "here\n");
}

TEST_CASE("program: what it leaves running is ended before the result is told") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string script =
      "setsid sh -c 'trap \"\" HUP TERM; (trap \"\" HUP TERM; sleep 300; :) & sleep 300; :' & echo started";
  WorkerHarness worker({.programs = shell_program("leave", script)});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "leave");
  CHECK(client.read_line() == "started");
  client.read_line();
  client.expect_line(103);
  CHECK(children_of(worker.pid()).empty());
  client.close();
  CHECK(worker.wait() == kClean);
}

TEST_CASE("program: a client that closes its sending side goes on being served") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("count", "n=$(wc -c); sleep 0.2; echo $n")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "count");
  client.send("12345");
  client.finish_sending();
  CHECK(client.read_line() == "5");
  client.read_line();
  client.expect_line(103);
}

TEST_CASE("program: a dead connection ends even a program that never reads and ignores signals") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("stay", "trap '' HUP TERM; echo $$; while :; do sleep 300; done")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "stay");
  const pid_t program = std::stoi(client.read_line());
  client.reset();
  CHECK(wait_until([&] { return !is_running(program); }));
  CHECK(worker.wait() == kClean);
}

TEST_CASE("program: is asked to end by HUP when the connection is lost") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const std::string seen = directory.write("seen", "", 0666);
  WorkerHarness worker({.programs = shell_program("stay", "trap 'echo hup > " + seen +
                                                              "; exit 0' HUP; echo on; while :; do sleep 0.05; done")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "stay");
  client.read_line();
  client.reset();
  CHECK(worker.wait() == kClean);
  CHECK(read_file(seen) == "hup\n");
}

TEST_CASE("program: its time limit ends it") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("long", "exec sleep 300", "timeout = \"300ms\"")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "long");
  CHECK(client.read_until_closed() == "\r\n902 signal SIGTERM\r\n");
}

TEST_CASE("program: the operator ends it by TERM, and by KILL after the delay") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const auto& [delay, line] : {std::pair(60'000U, "902 signal SIGTERM"), std::pair(0U, "902 signal SIGKILL")}) {
    WorkerHarness worker({.programs = shell_program("long", "echo on; exec sleep 300")});
    Client client = worker.connect();
    worker.log_in(client, usual_account(), "long");
    client.read_line();
    REQUIRE(worker.starter().send(EndJob{delay}));
    client.read_line();
    CHECK(client.read_line() == line);
  }
  WorkerHarness stubborn({.programs = shell_program("long", "trap '' TERM; echo on; while :; do sleep 300; done")});
  Client client = stubborn.connect();
  stubborn.log_in(client, usual_account(), "long");
  client.read_line();
  REQUIRE(stubborn.starter().send(EndJob{200}));
  client.read_line();
  CHECK(client.read_line() == "902 signal SIGKILL");
}

TEST_CASE("program: when the starter is gone program and worker end, and the session is closed") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker(
      {.programs = shell_program("long", "echo $$; exec sleep 300"), .pam_service = "usher-test-module"});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "long");
  const pid_t program = std::stoi(client.read_line());
  worker.starter().close();
  CHECK(worker.wait() == kClean);
  CHECK_FALSE(is_running(program));
  CHECK(read_file("/etc/pam_record").find("phase=close") != std::string::npos);
}

TEST_CASE("program: a killed worker takes its program along") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("long", "echo $$; exec sleep 300")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "long");
  const pid_t program = std::stoi(client.read_line());
  ::kill(worker.pid(), SIGKILL);
  CHECK(wait_until([&] { return !is_running(program); }));
}

TEST_CASE("program: a client that reads nothing of its output is cut off with its job when it goes") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("flood", "exec yes")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "flood");
  client.reset();
  CHECK(worker.wait() == kClean);
}

TEST_CASE("program: no secret is in a command line or an environment") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("long", "echo on; exec sleep 300")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "long");
  client.read_line();
  for (const ProcessEntry& process : descendants_of(worker.pid())) {
    CHECK(command_line_of(process.pid).find("-secret") == std::string::npos);
    CHECK(environment_of(process.pid).find("-secret") == std::string::npos);
  }
  client.reset();
}
