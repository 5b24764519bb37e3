// Pools with a command.
#include <doctest/doctest.h>

#include "tests/base/configuration_support.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::string own(const std::string& pool, const std::string& listener = "") {
  return "[[listener]]\nname = \"web\"\naddress = \"127.0.0.1:0\"\npool = \"own\"\n" + listener + "[pool.own]\n" + pool;
}

constexpr const char* kPlain = "command = [\"/bin/web\", \"-v\"]\nuser = \"nobody\"\n";

}  // namespace

TEST_CASE("own workers: command, user and max_use are read, and say the road") {
  const auto result =
      parse_configuration(source_of(own(std::string(kPlain) + "max_use = 7\n", "dispatch = \"shared\"\n")));
  CHECK(lines_of(result.faults).empty());  // it is the shared road
  const PoolConfig& pool = result.configuration.pools.at(0);
  CHECK(pool.command == std::vector<std::string>{"/bin/web", "-v"});
  CHECK(pool.user == "nobody");
  CHECK(pool.max_use == 7);
  CHECK(result.configuration.road_of("own") == Dispatch::own);
}

TEST_CASE("own workers: without a login no program is missed, with one it is") {
  CHECK(faults_of(source_of(own(kPlain))) == "");
  CHECK(
      faults_of(source_of(own(kPlain) + "[[listener]]\nname = \"main\"\naddress = \"127.0.0.1:1\"\npool = \"generic\"\n"
                                        "[pool.generic]\n"))
          .find("there is no program") != std::string::npos);
}

TEST_CASE("own workers: a command needs a user, a user needs a command, and a listener has no program besides") {
  CHECK(
      faults_before_good(own("command = [\"/bin/web\"]\n")) ==
      "usher.toml:6:11: error: pool \"own\" has a command and no user; write user = and the account that it shall run "
      "under\n");
  CHECK(faults_before_good(own("user = \"nobody\"\nmax_use = 3\n")) ==
        "usher.toml:6:8: error: user of pool \"own\" needs a command; add command, or take it out\n"
        "usher.toml:7:11: error: max_use of pool \"own\" needs a command; add command, or take it out\n");
  CHECK(faults_before_good(own(kPlain, "program = \"cat\"\n")) ==
        "usher.toml:5:11: error: listener \"web\" has a program, and the workers of its pool \"own\" are programs "
        "themselves; take out program, or use a pool without command\n");
  CHECK(faults_before_good(own("command = [\"web\"]\nuser = \"nobody\"\n"))
            .find("command of pool \"own\" begins with \"web\", which is not an absolute path") != std::string::npos);
}

TEST_CASE("own workers: another road, and keys of a login, are told to mean nothing; a proxy's header nobody would read") {
  CHECK(faults_before_good(own(std::string(kPlain) + "pam_service = \"login\"\nwait = false\n",
                               "dispatch = \"spawn\"\nmax_logins = 3\nkeepalive = \"9s\"\npending_timeout = \"1s\"\n")) ==
        "usher.toml:5:12: warning: listener \"web\" is served by the programs of pool \"own\", so dispatch means nothing; take "
        "it out\n"
        "usher.toml:6:14: warning: listener \"web\" is served by the programs of pool \"own\", so max_logins means nothing; "
        "take it out\n"
        "usher.toml:12:15: warning: pool \"own\" has a command, so pam_service means nothing; take it out\n");
  CHECK(faults_before_good(own(kPlain, "proxy_networks = [\"127.0.0.1\"]\n")) ==
        "usher.toml:5:18: error: listener \"web\" has proxy_networks, and the programs of its pool \"own\" would get a proxy's "
        "header as their clients' first bytes; take out proxy_networks, or use a pool without command\n");
}

TEST_CASE("own workers: the machine must have the command and the account, and needs no PAM service for them") {
  const ConfigurationSource source = source_of(
      own("command = [\"/no/such/program\"]\nuser = \"no-such-account\"\npam_service = \"no-such-service\"\n"));
  ConfigurationResult result = parse_configuration(source);
  check_against_machine(source, result);
  std::string all;
  for (const std::string& line : lines_of(result.faults)) all += line + "\n";
  CHECK(all.find("pool \"own\" cannot run \"/no/such/program\": No such file or directory") != std::string::npos);
  CHECK(all.find("user of pool \"own\" is \"no-such-account\", an account that is not there") != std::string::npos);
  CHECK(all.find("PAM") == std::string::npos);
}
