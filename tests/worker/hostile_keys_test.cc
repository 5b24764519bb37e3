// What a worker makes of keys for the kernel that an attacker says. Also run where the kernel takes them: tests/virtual_machine.
#include <doctest/doctest.h>

#include "tests/support/accounts.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"
#include "tests/worker/hostile_login.h"
#include "tests/worker/worker_harness.h"

using namespace usher;
using namespace usher::testing;

namespace {

// How the worker ends to which these bytes are said in place of the keys, and whether there was a program.
struct Outcome {
  int exit_status = -1;
  bool started = false;
};

Outcome outcome_of(const Bytes& bytes) {
  attacker = [=](Channel& worker) {
    lead_into(worker, LoginState::securing);
    say(worker, bytes_of(Secured{"TLSv1.3", "X", "", ""}));
    say(worker, bytes_of(StartLogin{usual_account()}));
    wait_for(worker, WorkerSays::ask);
    say(worker, answer(usual_account() + "-secret"));
    wait_for(worker, WorkerSays::accepted);
    say(worker, bytes_of(RunProgram{"who"}));
    wait_for(worker, WorkerSays::give_keys);
    say(worker, bytes);
    wait_for(worker, WorkerSays::be_relay);  // where the kernel does not take them
  };
  WorkerHarness harness({.programs = shell_program("who", "id -un"),
                         .listener = "[listener.tls]\nhandover = \"kernel\"\n" + certificates().keys_of("front")});
  Client client = harness.connect();
  client.finish_sending();  // so that the worker's orderly close waits for nobody
  harness.grant();
  Outcome outcome;
  Packet packet;
  while (harness.pool().wait_receive(packet, Clock::now() + kPatience) == Received::packet) {
    outcome.started |= packet.kind() == static_cast<std::uint8_t>(Active::kKind);
  }
  outcome.exit_status = harness.wait();
  return outcome;
}

}  // namespace

TEST_CASE("hostile login process: in place of its keys it says nothing else, and no keys are anybody's but its own") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Bytes no_cipher = bytes_of(SessionKeys{});
  no_cipher[3] = 99;
  Bytes cut = bytes_of(SessionKeys{});
  cut.pop_back();
  std::vector<Attack> all = attacks();
  all.push_back({"a cipher that is none", no_cipher, LoginState::checking});
  all.push_back({"cut short", cut, LoginState::checking});
  const std::size_t before = open_descriptors();
  for (const Attack& attack : all) {
    CAPTURE(attack.name);
    const Outcome outcome = outcome_of(attack.bytes);
    CHECK(ends_orderly(outcome.exit_status));
    CHECK((attack.allowed_in == LoginState::leaving || !outcome.started));
  }
  CHECK(open_descriptors() == before);
}
