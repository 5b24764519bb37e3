#include <doctest/doctest.h>
#include <sys/socket.h>

#include "tests/support/accounts.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"
#include "tests/worker/worker_harness.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr int kClean = static_cast<int>(WorkerExit::clean);

std::string three_programs() {
  return shell_program("cat", "exec cat") + shell_program("who", "id -un") +
         "[program.secret]\ndescription = \"not for all\"\ncommand = [\"/bin/true\"]\nusers = [\"second\"]\n";
}

Ended end_of(WorkerHarness& worker) {
  Packet packet;
  while (worker.pool().wait_receive(packet, Clock::now() + kPatience) == Received::packet) {
    if (packet.kind() == static_cast<std::uint8_t>(Ended::kKind)) return packet.as<Ended>();
  }
  FAIL("no Ended came");
  return {};
}

}  // namespace

TEST_CASE("dialog: an empty line and ? list what this user may run, and nothing else") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = three_programs()});
  Client client = worker.connect();
  client.answer(100, usual_account());
  client.answer(101, usual_account() + "-secret");
  for (const char* ask : {"", "?"}) {
    client.answer(102, ask);
    CHECK(client.expect_line(113) == "cat a test");
    CHECK(client.expect_line(113) == "who a test");
  }
  client.answer(102, "who");
  worker.grant();
  CHECK(client.expect_line(110) == "000123/usher/generic");
  CHECK(client.read_line() == usual_account());
}

TEST_CASE("dialog: no such program and not for this user are the same answer, and another may be named") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = three_programs()});
  Client client = worker.connect();
  client.answer(100, usual_account());
  client.answer(101, usual_account() + "-secret");
  client.answer(102, "nonsense");
  const std::string unknown = client.expect_line(903);
  client.answer(102, "secret");
  CHECK(client.expect_line(903) == unknown);
  client.answer(102, "who with arguments");
  CHECK(client.expect_line(903) == unknown);
  client.answer(102, "  who  ");
  worker.grant();
  client.expect_line(110);
}

TEST_CASE("dialog: everything one byte at a time, with LF") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = three_programs()});
  Client client = worker.connect();
  for (const char byte : usual_account() + "\n" + usual_account() + "-secret\nwho\n") client.send(std::string(1, byte));
  client.expect_line(100);
  client.expect_line(101);
  client.expect_line(102);
  worker.grant();
  client.expect_line(110);
  CHECK(client.read_line() == usual_account());
}

TEST_CASE("dialog: bad input is told and the connection closed, whatever was being asked") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::vector<std::string> bad{std::string(1025, 'x') + "\r\n", "a\0b\r\n"s, "\xFF\xFB\x01\r\n"s, std::string(70'000, 'y')};
  for (const std::string& bytes : bad) {
    for (int lines_before = 0; lines_before < 3; ++lines_before) {
      WorkerHarness worker({.programs = three_programs()});
      Client client = worker.connect();
      if (lines_before > 0) client.answer(100, usual_account());
      if (lines_before > 1) client.answer(101, usual_account() + "-secret");
      client.expect_line(100 + lines_before);
      client.send(bytes);
      client.expect_line(920);
      client.expect_closed();
      client.close();
      const auto ended = end_of(worker);
      CHECK(ended.kind == EndKind::refused);
      CHECK(ended.value == 920);
      CHECK(worker.wait() == kClean);
    }
  }
}

TEST_CASE("dialog: a client that is too slow hears 904 at its deadline, even half-way through a line") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.listener = "login_timeout = \"1s\""});
  Client client = worker.connect();
  client.expect_line(100);
  client.send("norm");
  client.expect_line(904);
  client.expect_closed();
  client.close();
  const auto ended = end_of(worker);
  CHECK(ended.kind == EndKind::refused);
  CHECK(ended.value == 904);
  CHECK(worker.wait() == kClean);
}

TEST_CASE("dialog: an evicted client hears 904") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({});
  Client client = worker.connect();
  client.expect_line(100);
  REQUIRE(worker.listener().send(Evict{}));
  client.expect_line(904);
  client.expect_closed();
  client.close();
  CHECK(end_of(worker).kind == EndKind::evicted);
  CHECK(worker.wait() == kClean);
}

TEST_CASE("dialog: a client that hears its last line and does not close is waited for once") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({});
  Client client = worker.connect();
  client.send(std::string(1025, 'x'));
  client.expect_line(100);
  client.expect_line(920);
  client.expect_closed();
  const Instant told = Clock::now();
  CHECK(worker.wait() == kClean);
  CHECK(Clock::now() - told < 3800ms);  // the login process waits 2 s; the worker does not do so again
}

TEST_CASE("dialog: a client that leaves in the middle ends its worker") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const bool reset : {false, true}) {
    WorkerHarness worker({});
    Client client = worker.connect();
    client.answer(100, "normal");
    client.expect_line(101);
    if (reset) {
      client.reset();
    } else {
      client.close();
    }
    CHECK(end_of(worker).kind == EndKind::lost);
    CHECK(worker.wait() == kClean);
  }
}

TEST_CASE("dialog: a denied place is 910") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = three_programs()});
  Client client = worker.connect();
  client.answer(100, usual_account());
  client.answer(101, usual_account() + "-secret");
  client.answer(102, "who");
  const Claim claim = worker.deny();
  CHECK(claim.program.str() == "who");
  CHECK(claim.user.str() == usual_account());
  client.expect_line(910);
  client.expect_closed();
  client.close();
  CHECK(worker.wait() == kClean);
}

TEST_CASE("dialog: with telnet, typing is hidden around secrets and telnet's answers are no input") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("cat", "exec cat"), .listener = "telnet = true\nprogram = \"cat\""});
  Client client = worker.connect();
  client.answer(100, usual_account());
  CHECK(client.read_bytes(3) == "\xFF\xFB\x01"s);
  client.expect_line(101);
  client.send("\xFF\xFD\x01"s + usual_account() + "-secret\r\0"s);
  CHECK(client.read_bytes(3) == "\xFF\xFC\x01"s);
  client.send("\xFF\xFE\x01typed\n"s);
  worker.grant();
  client.finish_sending();
  CHECK(client.read_until_closed() == "typed\n");
}

TEST_CASE("dialog: with a fixed program there is no 102, 103 or 110: raw bytes follow the login") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = shell_program("cat", "cat; exit 3"), .listener = "program = \"cat\""});
  Client client = worker.connect();
  client.send(usual_account() + "\n" + usual_account() + "-secret\nraw\r\nbytes");
  client.expect_line(100);
  client.expect_line(101);
  worker.grant();
  client.finish_sending();
  CHECK(client.read_until_closed() == "raw\r\nbytes");
  client.close();
  const auto ended = end_of(worker);
  CHECK(ended.kind == EndKind::status);
  CHECK(ended.value == 3);
  CHECK(worker.wait() == kClean);
}

TEST_CASE("dialog: a client that sends without end and never reads is not waited for past the deadline") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({.programs = three_programs(), .listener = "login_timeout = \"2s\""});
  Client client = worker.connect();
  client.send(usual_account() + "\n" + usual_account() + "-secret\n");
  std::string questions;
  for (int i = 0; i < 60'000; ++i) questions += "?\n";
  static_cast<void>(::send(client.fd(), questions.data(), questions.size(), MSG_DONTWAIT));
  CHECK(worker.wait() == kClean);
}

TEST_CASE("worker: told to go while idle it goes, and a client of another generation is left to another worker") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness retired({});
  REQUIRE(retired.pool().send(Retire{}));
  CHECK(retired.wait() == kClean);

  WorkerHarness older({});
  auto [client, server] = make_stream_pair();
  older.hand_over(server.get(), 2);
  CHECK(older.wait() == kClean);
  Packet packet;
  CHECK(older.listener().receive(packet) == Received::closed);
}

TEST_CASE("worker: what is not a client is not taken") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({});
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  worker.hand_over(ends[0]);
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(worker.wait() == static_cast<int>(WorkerExit::unclean));
  Packet packet;
  CHECK(worker.listener().receive(packet) == Received::closed);
}
