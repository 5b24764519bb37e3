#include <doctest/doctest.h>

#include "tests/support/accounts.h"
#include "tests/support/skip.h"
#include "tests/worker/worker_harness.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr int kClean = static_cast<int>(WorkerExit::clean);

}  // namespace

TEST_CASE("worker: a login, a program, its result, and a clean end") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("who", "id -un; echo to-log >&2")});
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "who");
  CHECK(client.read_line() == usual_account());
  CHECK(client.read_line().empty());
  client.expect_line(103);
  client.expect_closed();
  client.close();
  worker.from_listener_channel<LoginOver>();
  worker.from_starter_channel<SessionStarted>();
  worker.from_starter_channel<SessionEnding>();
  CHECK(worker.from_pool_channel<Active>().program_pid > 0);
  const auto ended = worker.from_pool_channel<Ended>();
  CHECK(ended.kind == EndKind::normal);
  CHECK(worker.wait() == kClean);
  CHECK(worker.log_text() == "to-log\n");
}

TEST_CASE("worker: a wrong password is refused like an unknown user, and three of them close the connection") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({});
  Client client = worker.connect();
  std::string refusal;
  for (const char* user : {"normal", "no-such-user", "locked"}) {
    client.answer(100, user);
    client.answer(101, "wrong");
    const std::string text = client.expect_line(900);
    if (refusal.empty()) refusal = text;
    CHECK(text == refusal);
  }
  client.expect_closed();
  client.close();
  const auto ended = worker.from_pool_channel<Ended>();
  CHECK(ended.kind == EndKind::refused);
  CHECK(ended.value == 900);
  CHECK(worker.wait() == kClean);
}

TEST_CASE("worker: what follows the program's line reaches the program to the byte") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("cat", "exec cat")});
  Client client = worker.connect();
  client.send(usual_account() + "\r\n" + usual_account() + "-secret\ncat\r\nfirst\r\n\n\tsecond");
  client.expect_line(100);
  client.expect_line(101);
  client.expect_line(102);
  worker.grant();
  client.expect_line(110);
  client.finish_sending();
  const std::string all = client.read_until_closed();
  CHECK(all.starts_with("first\r\n\n\tsecond\r\n103 "));
  client.close();
  CHECK(worker.wait() == kClean);
}
