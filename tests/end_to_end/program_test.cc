// What a [program.NAME] table says is what happens, through a whole login.
#include <doctest/doctest.h>

#include <vector>

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

std::string program(const std::string& name, const std::string& keys) {
  return "[program." + name + "]\ncommand = [\"/bin/true\"]\n" + keys + "\n";
}

const std::string kAccess = program("by-name", "users = [\"normal\"]") + program("by-group", "groups = [\"clerks\"]") +
                            program("all-but-one", "users = [\"*\"]\ndeny_users = [\"second\"]") +
                            program("no-trainees", "groups = [\"clerks\"]\ndeny_groups = [\"trainees\"]") +
                            program("nobody", "") + program("nobodies", "groups = [\"nobodies\"]") +
                            program("denied", "users = [\"normal\"]\ndeny_users = [\"normal\"]");

void log_in_to_choice(Client& client, const std::string& user) {
  client.answer(100, user);
  client.answer(101, user + "-secret");
}

// The names of the 113 lines, with blanks between.
std::string listed(Client& client) {
  std::string names;
  client.answer(102, "?");
  std::string line = client.read_line();
  for (; line.starts_with("113 "); line = client.read_line()) names += line.substr(4, line.find(' ', 4) - 4) + " ";
  CHECK(line.starts_with("102 "));
  return names;
}

std::string output_of(const Installation& usher, const std::string& line) {
  Client client(usher.address());
  log_in(client, usual_account(), line);
  return client.read_until_closed();
}

}  // namespace

TEST_CASE("program: who may run it, by name and by group; who is denied is denied") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = kAccess});
  struct Expected {
    std::string user;
    std::string programs;
  };
  const std::vector<Expected> expected{
      {"normal", "all-but-one by-group by-name no-trainees "},
      {"second", "by-group "},
      {"primary", "all-but-one by-group no-trainees "},  // its primary group is clerks
      {"manygroups", "all-but-one "}};
  const std::vector<std::string> all{"by-name", "by-group", "all-but-one", "no-trainees",
                                     "nobody",  "nobodies", "denied"};
  for (const Expected& access : expected) {
    CAPTURE(access.user);
    {
      Client client(usher.address());
      log_in_to_choice(client, access.user);
      CHECK(listed(client) == access.programs);
    }
    for (const std::string& name : all) {
      CAPTURE(name);
      Client client(usher.address());
      log_in_to_choice(client, access.user);
      client.answer(102, name);
      const bool may = (" " + access.programs).find(" " + name + " ") != std::string::npos;
      client.expect_line(may ? 110 : 903);
    }
  }
}

TEST_CASE("program: a listener's own program is for those who may run it") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = program("closed", "users = [\"second\"]"), .listener = "program = \"closed\""});
  Client refused(usher.address());
  log_in_to_choice(refused, "normal");
  refused.expect_line(901);
  refused.expect_closed();
  Client accepted(usher.address());
  log_in_to_choice(accepted, "second");
  accepted.expect_closed();  // /bin/true says nothing, and no line of Usher follows
}

TEST_CASE("program: arguments are added where the configuration lets them, and never reach a shell") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string say = "users = [\"*\"]\ncommand = [\"/bin/echo\", \"said:\"]\n";
  const Installation usher({.programs = "[program.open]\narguments = true\n" + say + "[program.closed]\n" + say});
  CHECK(output_of(usher, "open  $(id) ; \"a b\" *") == "said: $(id) ; \"a b\" *\n\r\n103 The program has ended.\r\n");
  CHECK(output_of(usher, "closed") == "said:\n\r\n103 The program has ended.\r\n");
  Client client(usher.address());
  log_in_to_choice(client, usual_account());
  client.answer(102, "closed and more");
  client.expect_line(903);
  client.expect_line(102);
}

TEST_CASE("program: its environment is freshly made") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = "[program.env]\nusers = [\"*\"]\ncommand = [\"/usr/bin/env\"]\n"
                                        "environment = { GREETING = \"good day\" }\n"});
  Client client(usher.address());
  log_in(client, usual_account(), "env");
  const std::string peer = client.local_address();
  const std::string job = usher.jobs_with("client", peer).at(0).at("job");
  const std::string text = "\n" + client.read_until_closed();
  const std::string port = peer.substr(peer.rfind(':') + 1);
  const std::string address = usher.address();
  for (const std::string& variable :
       {std::string("GREETING=good day"), "USER=" + usual_account(), "LOGNAME=" + usual_account(),
        "HOME=" + home_of(usual_account()), std::string("SHELL=/bin/sh"),
        std::string("PATH=/usr/local/bin:/usr/bin:/bin"), "USHER_JOB=" + job, std::string("USHER_PROGRAM=env"),
        std::string("USHER_LISTENER=generic"), std::string("PROTO=TCP"), std::string("TCPREMOTEIP=127.0.0.1"),
        "TCPREMOTEPORT=" + port, std::string("TCPLOCALIP=127.0.0.1"),
        "TCPLOCALPORT=" + address.substr(address.rfind(':') + 1), std::string("REMOTE_ADDR=127.0.0.1"),
        "REMOTE_PORT=" + port}) {
    CAPTURE(variable);
    CHECK(text.find("\n" + variable + "\n") != std::string::npos);
  }
  CHECK(text.find("USHER_TEST") == std::string::npos);  // nothing of whoever started Usher
}

TEST_CASE("program: limits, priority and working directory are the configured ones") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string limits =
      "nice = 7\nworking_directory = \"/usr\"\n"
      "limits = { open_files = 77, processes = 4000, cpu = \"9s\", file_size = \"8k\", memory = \"1G\" }";
  const Installation usher(
      {.programs = shell_program(
           "show", "echo $(ulimit -n) $(ulimit -p) $(ulimit -t) $(ulimit -f) $(ulimit -v); nice; pwd", limits)});
  CHECK(output_of(usher, "show").starts_with("77 4000 9 16 1048576\n7\n/usr\n"));
}

TEST_CASE("program: its time limit ends it, and the job's end says how") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = shell_program("long", "exec sleep 300", "timeout = \"300ms\"")});
  CHECK(output_of(usher, "long") == "\r\n902 signal SIGTERM\r\n");
  CHECK(usher.wait_for_log("program=long end=SIGTERM reason=timeout"));
  CHECK(wait_until([&] { return usher.jobs_with("end", "signal SIGTERM").size() == 1; }));
}

TEST_CASE("program: standard error goes to the client where that is configured, else to the job log") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("loud", "echo seen >&2", "stderr = \"client\"") +
                                        shell_program("quiet", "echo kept >&2")});
  CHECK(output_of(usher, "loud").starts_with("seen\n"));
  CHECK(output_of(usher, "quiet") == "\r\n103 The program has ended.\r\n");
  CHECK(wait_until([&] { return usher.jobs_with("program", "quiet").at(0).count("end") == 1; }));
  CHECK(usher.usher({"job", "log", usher.jobs_with("program", "quiet").at(0).at("job")}).output == "kept\n");
  CHECK(usher.usher({"job", "log", usher.jobs_with("program", "loud").at(0).at("job")}).output.empty());
}
