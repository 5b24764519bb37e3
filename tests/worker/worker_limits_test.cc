// Limits before the password, as the worker keeps to them: asked before PAM is, told as 911, and reported on.
#include <doctest/doctest.h>

#include "tests/support/accounts.h"
#include "tests/support/skip.h"
#include "tests/worker/worker_harness.h"

using namespace std::chrono_literals;
using namespace usher;
using namespace usher::testing;

namespace {

void answer(WorkerHarness& worker, LimitReason reason) {
  const auto attempt = worker.from_listener_channel<Attempt>();
  REQUIRE(worker.listener().send(Verdict{attempt.question, reason}));
}

}  // namespace

TEST_CASE("limits: a refused attempt hears 911 before a password is asked for, the same for every reason and every name") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  std::string told;
  for (const LimitReason reason : {LimitReason::failures, LimitReason::account}) {
    for (const std::string& user : {usual_account(), std::string("no-such-user")}) {
      WorkerHarness worker({.limited_by_test = true});
      Client client = worker.connect();
      client.answer(100, user);
      answer(worker, reason);
      const std::string text = client.expect_line(911);
      client.expect_closed();
      client.close();
      if (told.empty()) told = text;
      CHECK(text == told);
      CHECK(worker.from_pool_channel<Ended>().value == 911);
      CHECK(worker.wait() == static_cast<int>(WorkerExit::clean));
    }
  }
}

TEST_CASE("limits: the listener is told of the name that was typed, of each failure, and of the login") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.limited_by_test = true});
  Client client = worker.connect();
  for (const std::string& user : {std::string("no-such-user"), usual_account()}) {
    client.answer(100, user);
    const auto attempt = worker.from_listener_channel<Attempt>();
    CHECK(attempt.account.str() == user);
    REQUIRE(worker.listener().send(Verdict{attempt.question, LimitReason::none}));
    client.answer(101, "wrong");
    worker.from_listener_channel<LoginFailed>();
    client.expect_line(900);
  }
  client.answer(100, usual_account());
  answer(worker, LimitReason::none);
  client.answer(101, usual_account() + "-secret");
  worker.from_listener_channel<LoginSucceeded>();
  client.expect_line(102);
}

TEST_CASE("limits: a refusal waits for the slowest check that the listener knows, and for no more than five times its own time") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Known {
    std::uint32_t slowest_ms;
    std::chrono::milliseconds earliest;
  };
  for (const Known& known : {Known{0, 300ms}, Known{290, 300ms}, Known{310, 600ms}, Known{3'600'000, 1500ms}}) {
    CAPTURE(known.slowest_ms);
    WorkerHarness worker({.listener = "refusal_time = \"300ms\"\nlogin_tries = 1", .limited_by_test = true});
    Client client = worker.connect();
    client.answer(100, "no-such-user");
    const auto attempt = worker.from_listener_channel<Attempt>();
    REQUIRE(worker.listener().send(Verdict{attempt.question, LimitReason::none, known.slowest_ms}));
    client.answer(101, "wrong");
    const Instant sent = Clock::now();
    const auto failed = worker.from_listener_channel<LoginFailed>();
    CHECK(failed.checked_ms > 0);
    client.expect_line(900);
    CHECK(Clock::now() - sent >= known.earliest - 5ms);
  }
}

TEST_CASE("limits: a name of any bytes and any length is asked about within bounds") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.limited_by_test = true});
  Client client = worker.connect();
  client.answer(100, std::string(1000, 'x'));
  CHECK(worker.from_listener_channel<Attempt>().account.str() == std::string(256, 'x'));
}

TEST_CASE("limits: without a listener, or with one that says nothing, a login goes on") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const bool gone : {true, false}) {
    CAPTURE(gone);
    WorkerHarness worker({.limited_by_test = true});
    Client client = worker.connect();
    if (gone) worker.listener().close();
    client.answer(100, usual_account());
    client.answer(101, usual_account() + "-secret");
    client.expect_line(102);
  }
}

TEST_CASE("limits: an answer that came too late is none to the next question") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.limited_by_test = true});
  Client client = worker.connect();
  client.answer(100, usual_account());
  const auto first = worker.from_listener_channel<Attempt>();
  client.answer(101, "wrong");  // the worker has waited long enough
  REQUIRE(worker.listener().send(Verdict{first.question, LimitReason::failures}));
  worker.from_listener_channel<LoginFailed>();
  client.expect_line(900);
  client.answer(100, usual_account());
  answer(worker, LimitReason::none);
  client.answer(101, usual_account() + "-secret");
  client.expect_line(102);
}
