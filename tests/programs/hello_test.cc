// The program hello, run directly.
#include <doctest/doctest.h>

#include <csignal>

#include "tests/support/accounts.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {
const std::string kHello = USHER_PROGRAMS "/hello";
}

TEST_CASE("hello: it greets by full name and says where from and which job") {
  SKIP_UNLESS(!single_uid(), "needs root to become another user");
  auto command = command_as("normal", {"env", "TCPREMOTEIP=192.0.2.7", "TCPREMOTEPORT=40112",
                                       "USHER_JOB=000123/usher/generic", "TZ=UTC", kHello});
  const Result result = run(command);
  CHECK(result.ending.code == 0);
  CHECK(result.output.starts_with("Hello, Norma L. Normal.\r\nYou come from 192.0.2.7, port 40112.\r\nIt is "));
  CHECK(result.output.ends_with(" UTC.\r\nThis is job 000123/usher/generic.\r\n"));
}

TEST_CASE("hello: what it does not know it does not mention") {
  const Result result = run({kHello}, {.empty_environment = true});
  CHECK(result.ending.code == 0);
  CHECK(result.output.starts_with("Hello, "));
  CHECK(result.output.find("You come from") == std::string::npos);
  CHECK(result.output.find("job") == std::string::npos);
}

TEST_CASE("hello: a client that is gone makes it fail, not crash") {
  auto [near, far] = make_stream_pair();
  near.reset();
  CHECK(run({kHello}, {.output_fd = far.get()}).ending.code == 1);
}
