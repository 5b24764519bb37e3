// Public listeners: a program for each connection, without a login.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>

#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

std::string open_listener(const std::string& name, const std::string& keys = "", const std::string& address = "127.0.0.1:0") {
  return "[[listener]]\nname = \"" + name + "\"\nlogin = \"none\"\nuser = \"" + usual_account() + "\"\naddress = \"" +
         address + "\"\nprogram = \"" + name + "\"\n" + keys + "\n";
}

// Nobody is named who may run it after a login.
std::string open_program(const std::string& name, const std::string& script, const std::string& keys = "") {
  return "[program." + name + "]\ncommand = [\"/bin/sh\", \"-c\", '''" + script + "''']\n" + keys + "\n";
}

Setting open_setting(const std::string& name, const std::string& script, const std::string& listener_keys = "",
                     const std::string& program_keys = "") {
  return {.programs = open_program(name, script, program_keys), .more = open_listener(name, listener_keys)};
}

const std::string kStay = "echo $$; exec cat";

pid_t enter(Client& client) { return static_cast<pid_t>(std::stol(client.read_line())); }

bool echoes(Client& client, const std::string& text) {
  client.send(text + "\n");
  return client.read_line() == text;
}

bool ends(pid_t pid) {
  return wait_until([&] { return !is_running(pid); });
}

std::string served(const std::string& address) {
  Client client(address);
  client.finish_sending();
  return client.read_until_closed();
}

}  // namespace

TEST_CASE("public: a connection runs the program as the listener's user, and nothing else is said") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("who", "id -un; id -Gn; pwd; umask"));
  CHECK(served(usher.address("who")) == "normal\nnormal clerks\n/etc/homes/normal\n0077\n");
}

TEST_CASE("public: the program's environment is what a program gets after a login, without PAM's") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("env", "env | sort", "", "environment = { COLOUR = \"blue\" }"));
  Client client(usher.address("env"));
  const std::string address = usher.address("env");
  const std::string port = address.substr(address.find(':') + 1);
  const std::string own = client.local_address();
  const std::string own_port = own.substr(own.find(':') + 1);
  std::string environment = client.read_until_closed();
  const std::size_t job = environment.find("USHER_JOB=");
  REQUIRE(job != std::string::npos);
  CHECK(environment.substr(job + 16, 11) == "/usher/env\n");
  environment.erase(job, environment.find('\n', job) + 1 - job);
  CHECK(environment == "COLOUR=blue\nHOME=/etc/homes/normal\nLOGNAME=normal\nPATH=/usr/local/bin:/usr/bin:/bin\nPROTO=TCP\n"
                       "PWD=/etc/homes/normal\nREMOTE_ADDR=127.0.0.1\nREMOTE_PORT=" + own_port +
                       "\nSHELL=/bin/sh\nTCPLOCALIP=127.0.0.1\nTCPLOCALPORT=" + port +
                       "\nTCPREMOTEIP=127.0.0.1\nTCPREMOTEPORT=" + own_port +
                       "\nUSER=normal\nUSHER_LISTENER=env\nUSHER_PROGRAM=env\n");
}

TEST_CASE("public: a program has three descriptors, default signals, a session and limits of its own") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(
      open_setting("see", "ls /proc/$$/fd; ulimit -n; [ $(ps -o sid= -p $$) = $$ ] && echo own; "
                   "exec awk '/^Sig(Ign|Blk)/ {print $1 substr($2, 10)}' /proc/self/status",
                   "", "limits = { open_files = 77 }"));
  for (int i = 0; i < 3; ++i) {  // one after the other, beside others that stay
    CHECK(served(usher.address("see")) == "0\n1\n2\n77\nown\nSigBlk:0000000\nSigIgn:0000000\n");
  }
}

TEST_CASE("public: listeners on IPv6 and on a unix socket") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const std::string socket = "unix:" + directory.path("socket");
  Setting setting;
  setting.programs = open_program("six", "echo $PROTO $TCPREMOTEIP $TCPLOCALIP") + open_program("local", "echo $PROTO $TCPREMOTEIP.");
  setting.more = open_listener("six", "", "[::1]:0") + open_listener("local", "", socket);
  const Installation usher(setting);
  CHECK(served(usher.address("six")) == "TCP6 ::1 ::1\n");
  CHECK(served(socket) == "UNIX .\n");
}

TEST_CASE("public: a client that has sent all is served on; one that is gone ends its program") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("stay", kStay));
  Client client(usher.address("stay"));
  enter(client);
  client.send("last words");
  client.finish_sending();
  CHECK(client.read_until_closed() == "last words");
  Client gone(usher.address("stay"));
  const pid_t pid = enter(gone);
  CHECK(is_running(pid));
  gone.reset();
  CHECK(ends(pid));
}

TEST_CASE("public: a program that is deaf to hang-up ends with its dead connection, and one in time with its timeout") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Setting setting = open_setting("deaf", "trap '' HUP TERM; echo $$; while :; do sleep 0.1; done");
  setting.programs += open_program("short", "echo $$; exec sleep 600", "timeout = \"1s\"");
  setting.more += open_listener("short");
  const Installation usher(setting);
  Client deaf(usher.address("deaf"));
  const pid_t pid = enter(deaf);
  deaf.reset();
  CHECK(ends(pid));
  Client late(usher.address("short"));
  enter(late);
  late.expect_closed();
  CHECK(wait_until([&] { return !usher.jobs_with("end", "signal SIGTERM").empty(); }));
}

TEST_CASE("public: what a program leaves running is ended, and what it began beside itself lives as long as it") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("leave", "setsid sleep 601 >/dev/null </dev/null & echo $!; read line"));
  Client client(usher.address("leave"));
  const pid_t left = enter(client);
  Client other(usher.address("leave"));
  const pid_t others = enter(other);
  client.send_line("go");
  client.read_until_closed();
  CHECK(ends(left));
  CHECK(is_running(others));
  other.send_line("go");
  CHECK(ends(others));
}

TEST_CASE("public: a daemon stays while its program runs") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(
      open_setting("daemon", "(setsid sh -c 'echo $$; exec sleep 602 </dev/null >/dev/null' &) ; read line", ""));
  Client client(usher.address("daemon"));
  const pid_t daemon = enter(client);
  for (int i = 0; i < 2; ++i) {  // others end meanwhile, and are looked after
    Client other(usher.address("daemon"));
    const pid_t others = enter(other);
    other.send_line("go");
    other.read_until_closed();
    CHECK(ends(others));
  }
  CHECK(is_running(daemon));
  client.send_line("go");
  CHECK(ends(daemon));
}

TEST_CASE("public: who comes when all places are taken waits, and is served when one is free") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("stay", kStay, "max_sessions = 2"));
  Client one(usher.address("stay"));
  Client two(usher.address("stay"));
  enter(one);
  enter(two);
  Client three(usher.address("stay"));
  CHECK(three.is_silent(300ms));
  one.close();
  CHECK(enter(three) > 0);
}

TEST_CASE("public: jobs are in the registry and the history, and usher job end ends them") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("stay", kStay));
  Client client(usher.address("stay"));
  const pid_t pid = enter(client);
  const JobRow job = usher.job_of(client);
  CHECK(job.at("kind") == "public");
  CHECK(job.at("status") == "active");
  CHECK(job.at("user") == usual_account());
  CHECK(job.at("program") == "stay");
  CHECK(job.at("listener") == "stay");
  CHECK(job.at("job").ends_with("/usher/stay"));
  CHECK(pid_of(job) == pid);
  CHECK(usher.usher({"job", "end", job.at("job"), "--immediate"}).ending.code == 0);
  client.expect_closed();
  CHECK(wait_until([&] { return !usher.jobs_with("end", "signal SIGKILL").empty(); }));
  CHECK(usher.jobs_with("id", job.at("id")).size() == 1);

  Client brief(usher.address("stay"));
  enter(brief);
  const std::string address = brief.local_address();
  brief.finish_sending();
  brief.read_until_closed();
  CHECK(wait_until([&] {
    const auto rows = usher.jobs_with("client", address);
    return rows.size() == 1 && rows[0].count("end") && rows[0].at("end") == "normal";
  }));
}

TEST_CASE("public: standard error is the listener's job log, or the client's") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Setting setting = open_setting("log", "echo for the log >&2");
  setting.programs += open_program("tell", "echo for the client >&2", "stderr = \"client\"");
  setting.more += open_listener("tell");
  const Installation usher(setting);
  CHECK(served(usher.address("log")).empty());
  CHECK(served(usher.address("tell")) == "for the client\n");
  const auto rows = usher.jobs_with("listener", "log");
  const auto own = std::find_if(rows.begin(), rows.end(), [](const JobRow& row) { return row.at("kind") == "listener"; });
  REQUIRE(own != rows.end());
  CHECK(wait_until([&] { return usher.usher({"job", "log", own->at("job")}).output == "for the log\n"; }));
}

TEST_CASE("public: a killed pool or listener is not noticed by clients, and the registry is true again") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("stay", kStay));
  Client client(usher.address("stay"));
  enter(client);
  const JobRow before = usher.job_of(client);
  for (const char* service : {"usher-pool", "usher-listener"}) {
    const pid_t pid = usher.service(service);
    signal_to(pid, SIGSTOP);  // slow, then dead
    Client other(usher.address("stay"));
    enter(other);
    CHECK(echoes(other, "meanwhile"));
    signal_to(pid, SIGKILL);
    CHECK(echoes(client, "still here"));
    CHECK(wait_until([&] { return usher.service(service) != 0 && usher.service(service) != pid; }));
  }
  CHECK(wait_until([&] {
    const auto rows = usher.jobs_with("id", before.at("id"));
    return rows.size() == 1 && rows[0].at("status") == "active";
  }));
  client.finish_sending();
  client.read_until_closed();
  CHECK(wait_until([&] {
    const auto rows = usher.jobs_with("id", before.at("id"));
    return rows.size() == 1 && rows[0].count("end") && rows[0].at("end") == "normal";
  }));
}

TEST_CASE("public: when its process is killed its programs end with it, and the next one serves") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("stay", "setsid sleep 603 >/dev/null </dev/null & echo $! $$; exec cat"));
  Client client(usher.address("stay"));
  const std::string pids = client.read_line();
  const auto left = static_cast<pid_t>(std::stol(pids));
  const auto program = static_cast<pid_t>(std::stol(pids.substr(pids.find(' '))));
  CHECK(!usher.job_of(client).empty());
  const pid_t killed = usher.service("usher-public");
  CHECK(signal_to(killed, SIGKILL));
  CHECK(ends(program));
  CHECK(ends(left));
  Client next(usher.address("stay"));
  next.read_line();
  CHECK(echoes(next, "served"));
  CHECK(usher.service("usher-public") != killed);
  CHECK(wait_until([&] { return !usher.jobs_with("end", "lost").empty(); }));
}

TEST_CASE("public: a reload changes what comes next, and nothing that runs") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Setting setting = open_setting("stay", kStay);
  setting.programs += open_program("gone", kStay);
  setting.more += open_listener("gone");
  const Installation usher(setting);
  Client client(usher.address("stay"));
  enter(client);
  Client leaving(usher.address("gone"));
  enter(leaving);
  const std::string address = usher.address("stay");
  const pid_t before = usher.service("usher-public");

  Setting changed = open_setting("stay", "echo changed");
  changed.programs += open_program("new", "echo new");
  changed.more += open_listener("new");
  usher.rewrite(changed);
  REQUIRE(usher.reload().ending.code == 0);
  CHECK(served(address) == "changed\n");
  CHECK(served(usher.present_address("new")) == "new\n");
  CHECK(is_running(before));
  CHECK_THROWS_AS(served(usher.address("gone")), std::exception);
  CHECK(echoes(client, "as before"));
  CHECK(echoes(leaving, "as before"));
  leaving.finish_sending();
  leaving.read_until_closed();
  CHECK(wait_until([&] {
    std::size_t processes = 0;
    for (const ProcessEntry& child : children_of(usher.starter())) processes += std::size_t{child.name == "usher-public"};
    return processes == 2;
  }));
}

TEST_CASE("public: a restart of everything costs neither a running program nor a new client, and the live check agrees") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("stay", kStay));
  const pid_t before = usher.service("usher-public");
  Client client(usher.address("stay"));
  enter(client);
  CHECK(!usher.job_of(client).empty());
  REQUIRE(usher.usher({"restart", "all"}).ending.code == 0);
  CHECK(echoes(client, "still here"));
  Client next(usher.address("stay"));
  enter(next);
  CHECK(usher.job_of(client).at("status") == "active");
  CHECK(usher.usher({"check", "--live"}).ending.code == 0);
  client.finish_sending();
  client.read_until_closed();
  CHECK(ends(before));
  CHECK(echoes(next, "served by another"));
}

TEST_CASE("public: out of descriptors it waits, says so once, and goes on by itself") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher(open_setting("say", "echo served"));
  const pid_t pid = usher.service("usher-public");
  const auto limit = [&](const std::string& soft) {
    return run(command_as(usual_account(), {"prlimit", "--pid", std::to_string(pid), "--nofile=" + soft + ":"})).ending.code;
  };
  REQUIRE(limit("3") == 0);
  Client client(usher.address("say"));
  CHECK(usher.wait_for_log("accept_paused listener=say"));
  CHECK(client.is_silent(300ms));
  REQUIRE(limit("100") == 0);
  CHECK(client.read_until_closed() == "served\n");
  const std::string log = usher.log();
  CHECK(log.find("accept_paused") == log.rfind("accept_paused"));
}

TEST_CASE("public: out of processes it waits, says so once, and goes on by itself") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(::getuid() == 0, "its user's other processes count");
  Installation usher(open_setting("say", "echo served"));
  const pid_t pid = usher.service("usher-public");
  const auto limit = [&](const std::string& soft) {
    return run(command_as(usual_account(), {"prlimit", "--pid", std::to_string(pid), "--nproc=" + soft + ":"})).ending.code;
  };
  REQUIRE(limit("1") == 0);  // itself
  Client client(usher.address("say"));
  Client next(usher.address("say"));
  CHECK(usher.wait_for_log("accept_paused listener=say"));
  CHECK(client.is_silent(300ms));
  REQUIRE(limit("1000") == 0);
  CHECK(client.read_until_closed() == "served\n");
  CHECK(next.read_until_closed() == "served\n");
  const std::string log = usher.log();
  CHECK(log.find("accept_paused") == log.rfind("accept_paused"));
}

TEST_CASE("public: a program that cannot be executed closes the connection, and is told of once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const std::string program = directory.write("program", "#!/bin/sh\necho here\n");
  run({"chmod", "755", program, directory.path()});
  Setting setting;
  setting.programs = "[program.there]\ncommand = [\"" + program + "\"]\n";
  setting.more = open_listener("there");
  Installation usher(setting);
  CHECK(served(usher.address("there")) == "here\n");
  run({"rm", program});
  for (int i = 0; i < 40; ++i) CHECK(served(usher.address("there")).empty());
  CHECK(usher.wait_for_log("program_failed_to_start listener=there program=there step=exec"));
  const std::string log = usher.log();
  CHECK(log.find("program_failed_to_start") == log.rfind("program_failed_to_start"));
  directory.write("program", "#!/bin/sh\necho again\n");
  run({"chmod", "755", program});
  CHECK(served(usher.address("there")) == "again\n");
}

TEST_CASE("public: usher stop ends programs, and lets them finish when it drains") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SUBCASE("stop") {
    const Installation usher(open_setting("stay", kStay));
    Client client(usher.address("stay"));
    const pid_t pid = enter(client);
    CHECK(usher.usher({"stop"}).ending.code == 0);
    CHECK(!is_running(pid));
  }
  SUBCASE("drain") {
    const Installation usher(open_setting("stay", kStay));
    Client client(usher.address("stay"));
    enter(client);
    Client other(usher.address("stay"));
    enter(other);
    Process stop({USHER_COMMAND, "stop", "--drain", "--config", usher.configuration()});
    CHECK(stop.wait_for_text("waiting for 2 running programs\n"));
    CHECK_THROWS(Client(usher.address("stay")));  // nobody new gets in
    other.finish_sending();
    other.read_until_closed();
    CHECK(stop.wait_for_text("waiting for 1 running program\n"));
    CHECK(echoes(client, "still here"));
    CHECK_FALSE(stop.wait_for_end(0ms));
    client.finish_sending();
    client.read_until_closed();
    const auto ending = stop.wait_for_end(kPatience);
    REQUIRE(ending);
    CHECK(ending->code == 0);
  }
}

TEST_CASE("public: many at once are all served") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(open_setting("say", "echo served"));
  std::vector<Client> clients;
  for (int i = 0; i < 300; ++i) clients.emplace_back(usher.address("say"));
  for (Client& client : clients) CHECK(client.read_until_closed() == "served\n");
}
