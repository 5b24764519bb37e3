// Listeners without a login: what they must have, and what means nothing there.
#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/base/configuration_support.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::string open_listener(const std::string& keys) {
  return "[[listener]]\nname = \"open\"\naddress = \"127.0.0.1:0\"\nlogin = \"none\"\n" + keys;
}

// Those that only the machine can tell.
std::string machine_faults(const std::string& user) {
  const auto source = source_of(open_listener("program = \"cat\"\nuser = \"" + user + "\"\n") +
                                "[program.cat]\ncommand = [\"/bin/cat\"]\n");
  ConfigurationResult result = parse_configuration(source);
  check_against_machine(source, result);
  std::string all;
  for (const std::string& line : lines_of(result.faults)) {
    if (line.starts_with("usher.toml:6:")) all += line + "\n";
  }
  return all;
}

}  // namespace

TEST_CASE("public: a listener without a login needs a program and a user, and no pool") {
  const auto result = parse_configuration(
      source_of(open_listener("program = \"cat\"\nuser = \"nobody\"\n") + "[program.cat]\ncommand = [\"/bin/cat\"]\n"));
  CHECK(lines_of(result.faults).empty());  // not even that nobody may run the program
  REQUIRE(result.configuration.listeners.size() == 1);
  const ListenerConfig& listener = result.configuration.listeners[0];
  CHECK(listener.is_public());
  CHECK(listener.user == "nobody");
  CHECK(listener.program == "cat");
  CHECK(faults_before_good(open_listener("")) ==
        "usher.toml:1:1: error: listener \"open\" has no program; add it, for example program = \"time\"\n"
        "usher.toml:1:1: error: listener \"open\" has no user; add it, for example user = \"nobody\"\n");
  CHECK(faults_before_good(open_listener("program = \"\"\nuser = \"\"\n")) ==
        "usher.toml:5:11: error: listener \"open\" has login = \"none\" and an empty program; name one\n"
        "usher.toml:6:8: error: listener \"open\" has login = \"none\" and an empty user; name one\n");
  CHECK(faults_before_good("[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:0\"\nlogin = \"maybe\"\npool = \"workers\"") ==
        "usher.toml:4:9: error: login of listener \"a\" is \"maybe\"; write \"pam\" or \"none\", for example login = \"pam\"\n");
}

TEST_CASE("public: the PROXY protocol is refused there, and keys of a login are told to mean nothing") {
  CHECK(faults_before_good(open_listener("program = \"cat\"\nuser = \"nobody\"\nproxy_networks = [\"127.0.0.1\"]\n")) ==
        "usher.toml:7:18: error: listener \"open\" has login = \"none\" and proxy_networks: a header would be the program's "
        "first bytes; take proxy_networks out\n");
  CHECK(faults_before_good(open_listener("program = \"cat\"\nuser = \"nobody\"\npool = \"none\"\nmax_logins = 3\n")) ==
        "usher.toml:7:8: warning: listener \"open\" has login = \"none\", so pool means nothing; take it out\n"
        "usher.toml:8:14: warning: listener \"open\" has login = \"none\", so max_logins means nothing; take it out\n");
}

TEST_CASE("public: the user must be there, have no privileges, and not be Usher's own") {
  CHECK(machine_faults("no-such-account") ==
        "usher.toml:6:8: error: listener \"open\" runs its program as user \"no-such-account\", an account that is not "
        "there; name an account of this machine\n");
  CHECK(machine_faults("root") ==
        "usher.toml:6:8: error: listener \"open\" runs its program as user \"root\", which is root, for everybody who "
        "connects; name an account without privileges\n");
  SKIP_UNLESS(geteuid() == 0, "as another user it is refused for another reason");
  CHECK(machine_faults("nobody").empty());
}
