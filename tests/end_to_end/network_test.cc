// Every kind of connection, by tools that know nothing of Usher, and every way in which a connection ends.
#include <doctest/doctest.h>
#include <poll.h>

#include <algorithm>

#include "tests/end_to_end/holdings.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::chrono_literals;

namespace {

constexpr auto kSoon = 10s;  // two on a machine with nothing else to do

const std::string kFacts =
    shell_program("facts", "echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT $REMOTE_ADDR $REMOTE_PORT $TCPLOCALIP");

std::string further_listener(const std::string& name, const std::string& address, const std::string& more = "") {
  return "[[listener]]\nname = \"" + name + "\"\naddress = \"" + address +
         "\"\npool = \"generic\"\nrefusal_time = \"50ms\"\n" + more + "\n";
}

Setting three_families(const TemporaryDirectory& directory) {
  return steady(
      {.programs = kFacts + shell_program("copy", "exec cat"),
       .more = further_listener("six", "[::1]:0") + further_listener("local", "unix:" + directory.path("front.sock"))});
}

std::string login_lines(const std::string& program) {
  return usual_account() + "\n" + usual_account() + "-secret\n" + program + "\n";
}

std::string port_of(const std::string& address) {
  return address.substr(address.rfind(':') + 1);
}

// A program that neither reads nor writes and cannot be asked to end; its pid.
const std::string kStubborn = shell_program("stubborn", "trap '' HUP TERM PIPE; echo $$; exec sleep 300");

pid_t enter(Client& client, const std::string& program) {
  log_in(client, usual_account(), program);
  return static_cast<pid_t>(std::stol(client.read_line()));
}

}  // namespace

TEST_CASE("network: IPv4, IPv6 and unix sockets: the program and the registry know the client by its kind") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const Installation usher(three_families(directory));
  for (const std::string listener : {"generic", "six"}) {
    CAPTURE(listener);
    Client client(usher.address(listener));
    const std::string address = client.local_address();
    const std::string host = listener == "six" ? "::1" : "127.0.0.1";
    std::string facts = listener == "six" ? "TCP6" : "TCP";
    for (const std::string& fact : {host, port_of(address), host, port_of(address), host})
      facts.append(" ").append(fact);
    client.expect_line(100);
    CHECK(usher.job_of(client).at("listener") == listener);
    client.send(login_lines("facts"));
    for (const int code : {101, 102, 110}) client.expect_line(code);
    CHECK(client.read_line() == facts);
  }
  const std::string said = run_program(usher.address("local"), usual_account(), "facts");
  CHECK(said.starts_with("UNIX"));
  CHECK(wait_until([&] { return usher.jobs_with("listener", "local").size() == 1; }));
}

TEST_CASE("network: nc is a client, over each of them") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  const Installation usher(three_families(directory));
  const Holdings before = holdings_of(usher);
  const std::vector<std::vector<std::string>> ways{
      {"nc", "-N", "127.0.0.1", port_of(usher.address())},
      {"nc", "-N", "::1", port_of(usher.address("six"))},
      {"nc", "-N", "-U", directory.path("front.sock")},
  };
  for (const auto& way : ways) {
    CAPTURE(way.at(2));
    const Result result = run(way, {.input = login_lines("copy") + "what follows\n"});
    CHECK(result.ending.code == 0);
    CHECK(result.output.starts_with("100 User:\r\n101 Password:\r\n102 "));
    CHECK(result.output.ends_with("\r\nwhat follows\n\r\n103 The program has ended.\r\n"));
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("network: a client that closes its sending side goes on being served") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  Setting setting = three_families(directory);
  setting.programs +=
      shell_program("late", "cat >/dev/null; echo end of input; read line <\"$HOME/go-on\"; echo $line");
  const Installation usher(setting);
  const std::string fifo = home_of(usual_account()) + "/go-on";
  REQUIRE(run(command_as(usual_account(), {"mkfifo", fifo})).ending.code == 0);
  for (const std::string listener : {"generic", "six", "local"}) {
    CAPTURE(listener);
    Client client(usher.address(listener));
    log_in(client, usual_account(), "late");
    client.finish_sending();
    CHECK(client.read_line() == "end of input");
    CHECK(client.is_silent(100ms));  // and nobody takes the half-closed connection for a dead one
    REQUIRE(run({"/bin/sh", "-c", "echo much later >" + fifo}).ending.code == 0);
    CHECK(client.read_until_closed() == "much later\n\r\n103 The program has ended.\r\n");
  }
  run({"rm", fifo});
}

TEST_CASE("network: a connection that is reset ends the job, whatever the program does") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kStubborn + shell_program("polite", "echo $$; cat >/dev/null")}));
  const Holdings before = holdings_of(usher);
  for (const std::string program : {"stubborn", "polite"}) {
    CAPTURE(program);
    Client client(usher.address());
    const pid_t pid = enter(client, program);
    const std::string address = client.local_address();
    client.reset();
    CHECK(wait_until([&] { return !is_running(pid); }, kSoon));
    CHECK(wait_until([&] { return usher.jobs_with("client", address).at(0).count("end") == 1; }, kSoon));
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("network: a client that hangs up with output unread ends the job") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  Setting setting = three_families(directory);
  setting.programs = shell_program("stubborn", "trap '' HUP TERM PIPE; echo $$; read x; echo unread; exec sleep 300");
  const Installation usher(setting);
  const Holdings before = holdings_of(usher);
  for (const std::string listener : {"generic", "six", "local"}) {
    CAPTURE(listener);
    Client client(usher.address(listener));
    const pid_t pid = enter(client, "stubborn");
    client.send_line("go on");
    pollfd unread{client.fd(), POLLIN, 0};
    REQUIRE(::poll(&unread, 1, -1) == 1);
    client.close();
    CHECK(wait_until([&] { return !is_running(pid); }, kSoon));
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("network: a client that goes at any moment of the login leaves nothing behind") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kFacts, .listener = "login_tries = 9"}));
  const Holdings before = holdings_of(usher);
  const std::string lines = login_lines("facts");
  for (const bool reset : {false, true}) {
    for (std::size_t sent = 0; sent <= lines.size(); sent += 3) {
      Client client(usher.address());
      client.send(lines.substr(0, sent));
      if (sent % 2 == 0) client.expect_line(100);
      if (reset) client.reset();
    }
  }
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("network: passwords in clear are taken from this machine alone, unless the listener says otherwise") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  // An address of this machine that is not loopback's, in a network of the test's own.
  const std::vector<std::string> own_network{
      "unshare", "--net", "/bin/sh", "-c",
      "ip link set lo up && ip addr add 192.0.2.7/32 dev lo && exec \"$0\" \"$@\""};
  SKIP_UNLESS(run({"sh", "-c", "command -v ip && unshare --net ip link set lo up"}).ending.code == 0,
              "needs ip, and a network namespace");
  const Installation usher({.programs = kFacts,
                            .more = further_listener("open", "192.0.2.7:0", "allow_plaintext = true"),
                            .address = "192.0.2.7:0"},
                           own_network);
  const auto nc = [&](const std::string& listener) {
    return run({"nsenter", "--net", "--target", std::to_string(usher.starter()), "nc", "-N", "192.0.2.7",
                port_of(usher.address(listener))},
               {.input = login_lines("facts")});
  };
  const std::string refused = nc("generic").output;
  CHECK(refused.starts_with("911 "));
  CHECK(refused.ends_with("\r\n"));
  CHECK(std::count(refused.begin(), refused.end(), '\n') == 1);
  CHECK(nc("open").output.find("TCP 192.0.2.7 ") != std::string::npos);
  CHECK(wait_until([&] { return usher.jobs_with("end", "refused 911").size() == 1; }));
}
