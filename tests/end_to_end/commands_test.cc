// The commands for the service and its jobs, on a running Usher.
#include <doctest/doctest.h>
#include <signal.h>

#include <regex>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kPrograms = kWho + shell_program("stay", "echo $$; echo to the log >&2; exec cat") +
                              shell_program("stubborn", "trap '' TERM HUP; echo $$; while :; do sleep 300; done");

pid_t enter(Client& client, const std::string& program = "stay") {
  log_in(client, usual_account(), program);
  return static_cast<pid_t>(std::stol(client.read_line()));
}

JobRow active_job_of(const Installation& usher, const Client& client) {
  CHECK(wait_until([&] { return usher.job_of(client).at("status") == "active"; }));
  return usher.job_of(client);
}

// Both an ordinary user and whoever is not the service's own.
Result as_user(const Installation& usher, std::vector<std::string> words) {
  words.insert(words.begin(), USHER_COMMAND);
  words.insert(words.begin() + 2, {"--config", usher.configuration()});
  return run(command_as("second", words));
}

const std::string kTime = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z";

}  // namespace

TEST_CASE("commands: jobs shows who is there, and with --all who was, as a table and as one JSON object a line") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPrograms}));
  Client client(usher.address());
  enter(client);
  const JobRow job = active_job_of(usher, client);
  CHECK(run_program(usher.address(), usual_account(), "who").ends_with("103 The program has ended.\r\n"));
  CHECK(wait_until([&] { return usher.jobs_with("program", "who").at(0).count("end") == 1; }));

  const std::string table = usher.usher({"jobs"}).output;
  CHECK(table.starts_with("JOB "));
  CHECK(std::regex_search(table, std::regex("\n" + job.at("job") + " +active +" + usual_account() + " +stay +" +
                                            client.local_address() + " +" + job.at("pid") + " +" + kTime + "\n")));
  CHECK(table.find(" who ") == std::string::npos);
  CHECK(usher.usher({"jobs", "--all"}).output.find(" who ") != std::string::npos);

  for (const char* key :
       {"job", "id", "kind", "status", "user", "program", "listener", "pool", "client", "pid", "entered", "since"}) {
    CHECK(job.count(key) == 1);
  }
  CHECK(std::regex_match(job.at("job"), std::regex("[0-9]{6}/[a-z]+/generic")));
  CHECK(std::regex_match(job.at("id"), std::regex("[0-9a-f]{32}")));
  for (const char* time : {"entered", "since"}) CHECK(std::regex_match(job.at(time), std::regex(kTime)));
  const JobRow ended = usher.jobs_with("program", "who").at(0);
  CHECK(ended.at("end") == "normal");
  CHECK(std::regex_match(ended.at("ended"), std::regex(kTime)));
  CHECK(std::stol(ended.at("max_rss_kb")) > 0);
  CHECK(std::stol(ended.at("cpu_ms")) >= 0);
}

TEST_CASE("commands: a job is named by its number, its name or its id") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kPrograms});
  Client client(usher.address());
  enter(client);
  const JobRow job = active_job_of(usher, client);
  const std::string number = job.at("job").substr(0, 6);
  for (const std::string& name : {job.at("id"), job.at("job"), number, std::to_string(std::stol(number))}) {
    CAPTURE(name);
    const Result shown = usher.usher({"job", "show", name});
    CHECK(shown.ending.code == 0);
    CHECK(shown.output.find("job: " + job.at("job") + "\n") != std::string::npos);
    CHECK(shown.output.find("program: stay\n") != std::string::npos);
    CHECK(wait_until([&] { return usher.usher({"job", "log", name}).output == "to the log\n"; }));
  }
  for (const std::string what : {"show", "log", "end"}) {
    const Result none = usher.usher({"job", what, "999999"});
    CHECK(none.ending.code == 3);
    CHECK(none.error_output == "usher: there is no job 999999\n");
    CHECK(usher.usher({"job", what, "nonsense"}).ending.code == 2);
  }
}

TEST_CASE("commands: job end asks the program, and insists after the delay or at once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPrograms}));
  const Holdings before = holdings_of(usher);
  struct Case {
    std::string program;
    std::vector<std::string> how;
    std::string result;
  };
  for (const Case& one : {Case{"stay", {}, "SIGTERM"}, Case{"stubborn", {"--delay", "1"}, "SIGKILL"},
                          Case{"stubborn", {"--immediate"}, "SIGKILL"}}) {
    const auto& [program, how, result] = one;
    CAPTURE(one.program);
    Client client(usher.address());
    enter(client, program);
    const JobRow job = active_job_of(usher, client);
    std::vector<std::string> words{"job", "end", job.at("id")};
    words.insert(words.end(), how.begin(), how.end());
    CHECK(usher.usher(words).ending.code == 0);
    CHECK(client.read_until_closed() == "\r\n902 signal " + result + "\r\n");
    client.close();
    CHECK(wait_until([&] { return usher.jobs_with("id", job.at("id")).at(0).count("end") == 1; }));
    CHECK(usher.jobs_with("id", job.at("id")).at(0).at("end") == "signal " + result);
    CHECK(usher.usher(words).ending.code == 3);
  }
  const JobRow pool = usher.jobs_with("kind", "pool").at(0);
  CHECK(usher.usher({"job", "end", pool.at("id")}).ending.code == 1);
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("commands: status tells of processes, listeners and pools") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPrograms}));
  const auto row = [&](const std::string& kind) {
    for (const Row& one : usher.status()) {
      if (one.at("kind") == kind) return one;
    }
    return Row{};
  };
  CHECK(row("server").at("pid") == std::to_string(usher.starter()));
  CHECK(row("server").at("ready") == "yes");
  CHECK(row("server").at("generation") == "1");
  CHECK(row("server").at("configuration") == usher.configuration());
  CHECK(row("listener").at("address") == usher.address());
  CHECK(row("process").at("pid") == std::to_string(usher.service("usher-listener")));
  CHECK(wait_until([&] { return row("workers").at("ready") == std::to_string(kSteadyWorkers); }));
  Client client(usher.address());
  enter(client);
  CHECK(wait_until([&] { return row("workers").at("active") == "1"; }));
  CHECK(usher.usher({"status"}).output.find("listener generic: address " + usher.address() + "\n") !=
        std::string::npos);
}

TEST_CASE("commands: stop with --drain lets running programs finish, and takes nobody new") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = kPrograms});
  const std::string address = usher.address();
  Client client(address);
  enter(client);
  Client in_login(address);
  in_login.expect_line(100);
  Process stop({USHER_COMMAND, "stop", "--drain", "--config", usher.configuration()});
  in_login.expect_line(904);
  in_login.close();
  Client late(address);
  late.expect_line(910);
  late.expect_closed();
  client.send_line("still here");
  CHECK(client.read_line() == "still here");
  CHECK_FALSE(stop.wait_for_end(std::chrono::milliseconds(0)));
  client.finish_sending();
  CHECK(client.read_until_closed() == "\r\n103 The program has ended.\r\n");
  client.close();
  CHECK(stop.wait().code == 0);
  CHECK(usher.process().wait().code == 0);
}

TEST_CASE("commands: stop ends what runs, and does not return before all is gone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = kPrograms});
  Client polite(usher.address());
  Client stubborn(usher.address());
  enter(polite);
  const pid_t program = enter(stubborn, "stubborn");
  std::vector<pid_t> all;
  for (const ProcessEntry& process : descendants_of(usher.starter())) all.push_back(process.pid);
  CHECK(std::find(all.begin(), all.end(), program) != all.end());
  CHECK(usher.usher({"stop"}).ending.code == 0);
  for (const pid_t pid : all) CHECK_FALSE(is_running(pid));
  CHECK(polite.read_until_closed() == "\r\n902 signal SIGTERM\r\n");
  CHECK(stubborn.read_until_closed() == "\r\n902 signal SIGKILL\r\n");
  CHECK(usher.process().wait().code == 0);
  for (const std::string command : {"jobs", "status", "reload"}) {
    const Result result = usher.usher({command});
    CHECK(result.ending.code == 1);
    CHECK(result.error_output.find("is not running") != std::string::npos);
  }
  // What was, can still be asked for.
  CHECK(usher.jobs_with("program", "stay").at(0).at("end") == "signal SIGTERM");
}

TEST_CASE("commands: another user may neither see jobs nor end them nor steer the service") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = kPrograms});
  Client client(usher.address());
  const pid_t program = enter(client);
  const std::string id = active_job_of(usher, client).at("id");
  for (const auto& words : {std::vector<std::string>{"jobs"},
                            {"jobs", "--all"},
                            {"job", "show", id},
                            {"job", "log", id},
                            {"job", "end", id, "--immediate"},
                            {"status"},
                            {"reload"},
                            {"stop"}}) {
    CAPTURE(words[0]);
    const Result result = as_user(usher, words);
    CHECK(result.ending.code == 1);
    CHECK(result.output.empty());
    CHECK_FALSE(result.error_output.empty());
  }
  CHECK(is_running(program));
  CHECK(is_running(usher.starter()));
}

TEST_CASE("commands: check --live finds nothing while clients come and go, and what does not agree") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kPrograms}));
  Client client(usher.address());
  enter(client);
  const Result agrees = usher.usher({"check", "--live"});
  CHECK(agrees.error_output == "");
  CHECK(agrees.output.find("processes agree about ") != std::string::npos);
  CHECK(agrees.ending.code == 0);

  run({"sqlite3", usher.directory().path("run/db/registry.db"), "UPDATE job SET pid = 1 WHERE program = 'stay'"});
  const Result lies = usher.usher({"check", "--live", "--json"});
  CHECK(lies.ending.code == 1);
  CHECK(lies.output.find("\"ok\":false") != std::string::npos);
}

TEST_CASE("commands: check --live where nothing runs says so") {
  const TemporaryDirectory directory;
  const std::string configuration = write_configuration(directory, {.programs = kPrograms});
  const Result result = run({USHER_COMMAND, "check", "--live", "--config", configuration});
  CHECK(result.ending.code == 1);
  CHECK(result.error_output.find("not running") != std::string::npos);
}
