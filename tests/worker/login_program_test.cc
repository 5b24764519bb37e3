// usher-login, as a worker starts it and as nobody should.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/system_call_filter.h"
#include "tests/support/process.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"
#include "worker/login_messages.h"
#include "worker/login_start.h"

using namespace usher;
using namespace usher::testing;

namespace {

// With its end of a channel as standard input.
struct LoginProgram {
  ChannelPair ends = make_channel();
  Process process{{USHER_LOGIN}, {.input_fd = ends.theirs.fd()}};

  LoginProgram() { ends.theirs.close(); }
  const Channel& worker() const { return ends.ours; }
};

EnterSandbox order() {
  static const SystemCallFilter kFilter(login_system_calls());
  const auto account = ::geteuid() == 0 ? find_account("usher-login") : find_account(::geteuid());
  REQUIRE(account);
  return {account->uid, account->gid, false, false, kFilter.code()};
}

bool is_ready(const Channel& worker) {
  Packet packet;
  return worker.wait_receive(packet, Clock::now() + kPatience, 0) == Received::packet &&
         packet.kind() == static_cast<std::uint8_t>(LoginReady::kKind);
}

}  // namespace

TEST_CASE("usher-login: by hand it says who starts it") {
  const Result result = run({USHER_LOGIN, "--help"});
  CHECK(result.ending.code == 2);
  CHECK(result.error_output == "usher-login is started by usher-worker; see usher(1)\n");
}

TEST_CASE("usher-login: it is in the sandbox when it says so, and ends with its worker") {
  SKIP_UNLESS(::geteuid() != 0 || find_account("usher-login"), "needs the test accounts");
  LoginProgram login;
  CHECK(order().filter.str().size() % 8 == 0);
  CHECK(SystemCallFilter(order().filter.str()).code() == order().filter.str());
  REQUIRE(login.worker().send(order()));
  REQUIRE(is_ready(login.worker()));
  const pid_t pid = login.process.pid();
  CHECK(status_of(pid, "Name") == "usher-login");
  CHECK(status_of(pid, "Seccomp") == "2");
  CHECK(status_of(pid, "NoNewPrivs") == "1");
  CHECK(status_of(pid, "CapEff") == "0000000000000000");
  CHECK(status_of(pid, "Groups") == (::geteuid() == 0 ? "" : status_of(::getpid(), "Groups")));
  CHECK(descriptors_of(pid).size() == 1);
  login.ends.ours.close();
  CHECK(login.process.wait().code == 0);
}

TEST_CASE("usher-login: without a worker it ends") {
  LoginProgram login;
  login.ends.ours.close();
  CHECK(login.process.wait().code == 0);
}

TEST_CASE("usher-login: an order that is not whole ends it before there is a client") {
  SKIP_UNLESS(::geteuid() != 0 || find_account("usher-login"), "needs the test accounts");
  EnterSandbox without_descriptors = order();
  without_descriptors.network = true;
  EnterSandbox without_filter = order();
  without_filter.filter = std::string_view();
  EnterSandbox with_half_a_filter = order();
  with_half_a_filter.filter = order().filter.str().substr(0, 8);
  for (const EnterSandbox& wrong : {without_descriptors, without_filter, with_half_a_filter}) {
    LoginProgram login;
    REQUIRE(login.worker().send(wrong));
    CHECK(login.process.wait().code == 1);
  }
  LoginProgram login;
  REQUIRE(login.worker().send(Accepted{}));
  CHECK(login.process.wait().code == 1);
}

TEST_CASE("usher-login: a client that speaks TLS is not for it") {
  SKIP_UNLESS(::geteuid() != 0 || find_account("usher-login"), "needs the test accounts");
  LoginProgram login;
  REQUIRE(login.worker().send(order()));
  REQUIRE(is_ready(login.worker()));
  const ChannelPair client = make_channel();
  ServeClient record;
  record.tls = true;
  REQUIRE(login.worker().send(record, client.ours.fd()));
  CHECK(login.process.wait().code == 1);
}

TEST_CASE("usher-login: a file that cannot be executed is named as the reason, and no process is left") {
  const std::size_t before = descendants_of(::getpid()).size();
  const TemporaryDirectory directory;
  directory.write("usher-login", "not a program");
  const UniqueFd program(::open(directory.path("usher-login").c_str(), O_PATH | O_CLOEXEC));
  const Jail jail{};
  const SystemCallFilter filter(login_system_calls());
  const tls::Servers servers{Configuration{}};
  CHECK_THROWS_WITH_AS(static_cast<void>(start_login_process({jail, filter, servers, program})),
                       "execute usher-login: Permission denied", std::system_error);
  CHECK(descendants_of(::getpid()).size() == before);
}
