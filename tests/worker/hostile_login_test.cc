// What a worker makes of a login process in the hands of an attacker.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <functional>
#include <new>
#include <vector>

#include "tests/support/accounts.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"
#include "tests/worker/hostile_login.h"
#include "tests/worker/worker_harness.h"

using namespace usher;
using namespace usher::testing;

namespace {

constexpr std::array kStates{LoginState::starting,  LoginState::idle,     LoginState::proxied, LoginState::securing, LoginState::naming,
                             LoginState::answering, LoginState::checking, LoginState::choosing};

// How the worker of a test ends that is attacked in this state; a program must never have been asked for.
struct Outcome {
  int exit_status = -1;
  bool claimed = false;
};

Outcome run_attack(LoginState state, const std::function<void(Channel&)>& attack) {
  attacker = [=](Channel& worker) {
    lead_into(worker, state);
    attack(worker);
    hear_the_end(worker);
  };
  std::string more = state == LoginState::proxied ? "\nproxy_networks = [\"127.0.0.0/8\"]" : "";
  if (state == LoginState::securing) more = "\n[listener.tls]\n" + certificates().keys_of("front") + "client_ca = \"" + certificates().path("ca.crt") + "\"\nuser_from = \"common_name\"\nreplace_password = true\n";
  WorkerHarness harness({.programs = shell_program("who", "id -un"), .listener = "refusal_time = \"300ms\"" + more},
                        state == LoginState::starting ? WorkerHarness::Await::nothing : WorkerHarness::Await::ready);
  Outcome outcome;
  if (state != LoginState::starting && state != LoginState::idle) {
    harness.connect().close();  // so that the worker's orderly close waits for nobody
    Packet packet;
    while (harness.pool().wait_receive(packet, Clock::now() + kPatience) == Received::packet) {
      outcome.claimed |= packet.kind() == static_cast<std::uint8_t>(Claim::kKind);
    }
  }
  outcome.exit_status = harness.wait();
  return outcome;
}

}  // namespace

TEST_CASE("hostile login process: every message in every state in which it is not honest ends that worker alone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::size_t before = open_descriptors();
  for (const LoginState state : kStates) {
    for (const Attack& attack : attacks()) {
      if (attack.allowed_in == state) continue;
      CAPTURE(static_cast<int>(state));
      CAPTURE(attack.name);
      const Outcome outcome = run_attack(state, [&](Channel& worker) { say(worker, attack.bytes); });
      CHECK_FALSE(outcome.claimed);
      CHECK(ends_orderly(outcome.exit_status));
    }
  }
  CHECK(open_descriptors() == before);
}

TEST_CASE("hostile login process: malformed messages end that worker alone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Bytes cut = answer("secret");
  cut.pop_back();
  Bytes trailing = answer("secret");
  trailing.push_back(0);
  Bytes length_lies = answer("secret");
  length_lies[1] = 0xFF;
  length_lies[2] = 0xFF;
  struct Malformed {
    const char* name;
    Bytes bytes;
  };
  const std::vector<Malformed> malformed{{"unknown kind", {99}},
                                         {"kind zero", {0}},
                                         {"cut short", cut},
                                         {"trailing byte", trailing},
                                         {"a length that lies", length_lies},
                                         {"too long", Bytes(1500, 3)},
                                         {"longer than a packet", Bytes(5000, 3)}};
  for (const Malformed& message : malformed) {
    CAPTURE(message.name);
    const Outcome outcome = run_attack(LoginState::answering, [&](Channel& worker) { say(worker, message.bytes); });
    CHECK_FALSE(outcome.claimed);
    CHECK(ends_orderly(outcome.exit_status));
  }
}

TEST_CASE("hostile login process: an address that is none ends that worker, and the proxy's stays") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const char* host : {"localhost", "192.0.2", "192.0.2.7 forged=yes", "/etc/passwd"}) {
    CAPTURE(host);
    const Outcome outcome =
        run_attack(LoginState::proxied, [&](Channel& worker) { say(worker, bytes_of(ClientAddress{host, 7})); });
    CHECK_FALSE(outcome.claimed);
    CHECK(ends_orderly(outcome.exit_status));
  }
}

TEST_CASE("hostile login process: a worker signs once, and nothing but what a handshake has signed") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  void* const room = ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(room != MAP_FAILED);
  int& signatures = *new (room) int;  // counted in the login process, which is another one than the test
  const auto count_of = [&](const std::vector<SignHandshake>& wanted) {
    signatures = 0;
    const Outcome outcome = run_attack(LoginState::securing, [&](Channel& worker) {
      for (const SignHandshake& one : wanted) {
        say(worker, bytes_of(one));
        Packet packet;
        if (worker.wait_receive(packet, Clock::now() + kPatience) != Received::packet) return;
        signatures += packet.kind() == static_cast<std::uint8_t>(WorkerSays::signature) ? 1 : 0;
      }
      _exit(0);
    });
    CHECK(ends_orderly(outcome.exit_status));
    CHECK_FALSE(outcome.claimed);
    return signatures;
  };
  constexpr std::uint16_t kEcdsa = 0x0403, kRsa = 0x0804;
  const SignHandshake honest{0, kEcdsa, text_to_sign()};
  CHECK(count_of({honest}) == 1);
  CHECK(count_of({honest, honest}) == 1);
  CHECK(count_of({SignHandshake{1, kEcdsa, text_to_sign()}}) == 0);
  CHECK(count_of({SignHandshake{0xFFFFFFFF, kEcdsa, text_to_sign()}}) == 0);
  CHECK(count_of({SignHandshake{0, kRsa, text_to_sign()}}) == 0);
  CHECK(count_of({SignHandshake{0, 0, text_to_sign()}}) == 0);
  CHECK(count_of({SignHandshake{0, kEcdsa, std::string(32, 'h')}}) == 0);
  CHECK(count_of({SignHandshake{0, kEcdsa, ""}}) == 0);
  ::munmap(room, sizeof(int));
}

// What docs/TRUST.md grants it, and only where the configuration says so.
TEST_CASE("hostile login process: whom a certificate names is its word, where the certificate replaces the password") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const auto claimed_after = [](const std::string& certified, const std::string& user) {
    return run_attack(LoginState::securing, [&](Channel& worker) {
             say(worker, bytes_of(Secured{"TLSv1.3", "X", "", certified}));
             say(worker, bytes_of(StartLogin{user}));
             Packet packet;
             worker.wait_receive(packet, Clock::now() + kPatience);
             if (packet.kind() != static_cast<std::uint8_t>(WorkerSays::accepted)) _exit(0);
             say(worker, bytes_of(RunProgram{"who"}));
             wait_for(worker, WorkerSays::accepted);
             _exit(0);  // nobody grants the claim
           })
        .claimed;
  };
  CHECK(claimed_after(usual_account(), usual_account()));
  CHECK_FALSE(claimed_after("", usual_account()));
  CHECK_FALSE(claimed_after("somebody", usual_account()));
}

TEST_CASE("hostile login process: a descriptor sent along never gets into the worker") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Outcome outcome = run_attack(LoginState::answering, [](Channel& worker) {
    const int own = worker.fd();
    worker.send_bytes(answer(usual_account() + "-secret"), std::span<const int>(&own, 1));
  });
  CHECK_FALSE(outcome.claimed);
  CHECK(ends_orderly(outcome.exit_status));
}

TEST_CASE("hostile login process: what it says is no authority: accepted only by PAM, and only for who PAM says") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Outcome outcome = run_attack(LoginState::naming, [](Channel& worker) {
    say(worker, bytes_of(StartLogin{usual_account()}));
    wait_for(worker, WorkerSays::ask);
    say(worker, answer("wrong"));
    wait_for(worker, WorkerSays::refused);
    say(worker, bytes_of(RunProgram{"who"}));
  });
  CHECK_FALSE(outcome.claimed);
}

TEST_CASE("hostile login process: one that closes its channel and lives on is killed with its worker") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Outcome outcome = run_attack(LoginState::naming, [](Channel& worker) {
    worker.close();
    while (true) {
    }
  });
  CHECK_FALSE(outcome.claimed);
  CHECK(ends_orderly(outcome.exit_status));
}

TEST_CASE("hostile login process: a system call outside the list ends it, and the worker reports the crash") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Forbidden {
    const char* name;
    std::function<void()> call;
  };
  const std::vector<Forbidden> calls{
      {"open", [] { ::open("/etc/passwd", O_RDONLY); }},
      {"socket", [] { ::socket(AF_INET, SOCK_STREAM, 0); }},
      {"fork", [] { ::fork(); }},
      {"kill", [] { ::syscall(SYS_kill, 1, 0); }},
      {"getuid", [] { static_cast<void>(::getuid()); }},
      {"setuid", [] { ::syscall(SYS_setuid, 0); }},
      {"execve", [] { ::syscall(SYS_execve, "/bin/sh", nullptr, nullptr); }},
  };
  for (const Forbidden& forbidden : calls) {
    CAPTURE(forbidden.name);
    const std::string name = forbidden.name;
    if (kSanitized && (name == "open" || name == "fork")) continue;
    const Outcome outcome = run_attack(LoginState::naming, [&](Channel&) { forbidden.call(); });
    CHECK(outcome.exit_status == static_cast<int>(WorkerExit::login_crashed));
  }
}
