#include <doctest/doctest.h>

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;

TEST_CASE("end to end: a user logs in over TCP and the program runs as that user") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("who", "id -un")});
  CHECK(run_program(usher.address(), usual_account(), "who") == usual_account() + "\n\r\n103 The program has ended.\r\n");
}

TEST_CASE("end to end: IPv6 and unix sockets are served like IPv4") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation six({.programs = shell_program("from", "echo $PROTO $TCPREMOTEIP"), .address = "[::1]:0"});
  CHECK(run_program(six.address(), usual_account(), "from").starts_with("TCP6 ::1\n"));
  const TemporaryDirectory directory;
  const Installation local({.programs = shell_program("from", "echo $PROTO"), .address = "unix:" + directory.path("socket")});
  CHECK(run_program("unix:" + directory.path("socket"), usual_account(), "from").starts_with("UNIX\n"));
}

TEST_CASE("end to end: a worker that was used is replaced, and the job's end is in the history") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = shell_program("fail", "exit 5")});
  for (int i = 0; i < 10; ++i) run_program(usher.address(), usual_account(), "fail");
  CHECK(wait_until([&] { return usher.jobs_with("end", "status 5").size() == 10; }));
  CHECK(wait_until([&] { return usher.is_calm(); }));
  const JobRow job = usher.jobs_with("end", "status 5")[0];
  CHECK(job.at("program") == "fail");
  CHECK(job.at("user") == usual_account());
  CHECK(job.at("listener") == "generic");
  CHECK(job.at("pool") == "generic");
  CHECK(job.at("client").starts_with("127.0.0.1:"));
  CHECK(std::stol(job.at("max_rss_kb")) > 100);
  CHECK(job.at("entered") <= job.at("ended"));
}
