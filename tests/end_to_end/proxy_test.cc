// A proxy that the configuration names says for whom it connects; nobody else may.
#include <doctest/doctest.h>

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;
using namespace std::string_literals;

namespace {

constexpr const char* kTrusting = "proxy_networks = [\"127.0.0.0/8\"]\n";
const std::string kHeader = "PROXY TCP4 192.0.2.7 198.51.100.1 40112 4000\r\n";

std::string from() { return shell_program("from", "echo $TCPREMOTEIP $TCPREMOTEPORT $REMOTE_ADDR; exec cat"); }

}  // namespace

TEST_CASE("proxy: its client is known by its own address, to the program, the registry, PAM and the log") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const std::string block = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\x00\x02\x07\xC6\x33\x64\x01\x9C\xB0\x0F\xA0"s;
  for (const std::string& header : {kHeader, block}) {
    Installation usher({.programs = from(), .listener = kTrusting, .pam_service = "usher-test-module"});
    Client client(usher.address());
    client.send(header);
    log_in(client, usual_account(), "from");
    CHECK(client.read_line() == "192.0.2.7 40112 192.0.2.7");
    CHECK(usher.jobs_with("client", "192.0.2.7:40112").size() == 1);
    CHECK(usher.wait_for_log("login_accepted"));
    CHECK(usher.log().find("client=192.0.2.7:40112") != std::string::npos);
    CHECK(read_file("/etc/pam_record").find("rhost=192.0.2.7") != std::string::npos);
  }
}

TEST_CASE("proxy: one that speaks for itself is its own client") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = from(), .listener = kTrusting});
  Client client(usher.address());
  client.send("PROXY UNKNOWN\r\n");
  log_in(client, usual_account(), "from");
  CHECK(client.read_line().starts_with("127.0.0.1 "));
}

TEST_CASE("proxy: without a header, or with a bad one, a proxy hears 920") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = from(), .listener = kTrusting});
  for (const std::string& bytes : {usual_account() + "\r\n", "PROXY TCP4 nobody 198.51.100.1 1 2\r\n"s}) {
    Client client(usher.address());
    client.send(bytes);
    client.expect_line(920);
    client.expect_closed();
  }
}

TEST_CASE("proxy: from whom nobody takes for a proxy a header is bad input") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string listener : {"", "proxy_networks = [\"192.0.2.0/24\", \"unix\"]"}) {
    const Installation usher({.programs = from(), .listener = listener});
    Client client(usher.address());
    client.expect_line(100);
    client.send(kHeader);
    client.expect_line(920);
    client.expect_closed();
  }
}
