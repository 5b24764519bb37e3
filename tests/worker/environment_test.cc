#include "worker/environment.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace usher;

namespace {

std::string value(const std::vector<std::string>& environment, const std::string& name) {
  for (const std::string& variable : environment) {
    if (variable.starts_with(name + "=")) return variable.substr(name.size() + 1);
  }
  return "(unset)";
}

const Account kAlice{"alice", 1000, 1000, "/home/alice", "/bin/sh"};

SessionFacts facts(const Endpoint& client, const Endpoint& local) {
  return {"000123/usher/generic", "front", client, local};
}

}  // namespace

TEST_CASE("environment: PAM's variables, then the program's, then Usher's") {
  ProgramConfig program;
  program.name = "echo";
  program.environment = {{"LANG", "C.UTF-8"}, {"FROM_PAM", "overridden"}, {"USER", "mallory"}};
  const auto environment = program_environment(
      {"FROM_PAM=1", "MAIL=/var/mail/alice", "HOME=/tmp", "nonsense", "=x"}, program, kAlice,
      facts({Endpoint::Family::ipv4, "192.0.2.7", 40112}, {Endpoint::Family::ipv4, "192.0.2.1", 4000}));
  CHECK(value(environment, "FROM_PAM") == "overridden");
  CHECK(value(environment, "MAIL") == "/var/mail/alice");
  CHECK(value(environment, "LANG") == "C.UTF-8");
  CHECK(value(environment, "USER") == "alice");
  CHECK(value(environment, "LOGNAME") == "alice");
  CHECK(value(environment, "HOME") == "/home/alice");
  CHECK(value(environment, "SHELL") == "/bin/sh");
  CHECK(value(environment, "PATH") == "/usr/local/bin:/usr/bin:/bin");
  CHECK(value(environment, "USHER_JOB") == "000123/usher/generic");
  CHECK(value(environment, "USHER_PROGRAM") == "echo");
  CHECK(value(environment, "USHER_LISTENER") == "front");
  CHECK(value(environment, "PROTO") == "TCP");
  CHECK(value(environment, "TCPREMOTEIP") == "192.0.2.7");
  CHECK(value(environment, "REMOTE_ADDR") == "192.0.2.7");
  CHECK(value(environment, "TCPREMOTEPORT") == "40112");
  CHECK(value(environment, "REMOTE_PORT") == "40112");
  CHECK(value(environment, "TCPLOCALIP") == "192.0.2.1");
  CHECK(value(environment, "TCPLOCALPORT") == "4000");
  CHECK(environment.size() == 18);
}

TEST_CASE("environment: IPv6 and unix clients are named as their kind") {
  const ProgramConfig program;
  const auto six = program_environment(
      {}, program, kAlice,
      facts({Endpoint::Family::ipv6, "2001:db8::7", 1}, {Endpoint::Family::ipv6, "2001:db8::1", 2}));
  CHECK(value(six, "PROTO") == "TCP6");
  CHECK(value(six, "TCPREMOTEIP") == "2001:db8::7");
  const auto local = program_environment({}, program, kAlice, facts({}, {}));
  CHECK(value(local, "PROTO") == "UNIX");
  CHECK(value(local, "TCPREMOTEIP") == "(unset)");
  CHECK(value(local, "REMOTE_ADDR") == "(unset)");
}

TEST_CASE("environment: PATH is Usher's, whatever PAM says, and root's has the system's directories") {
  const ProgramConfig program;
  CHECK(value(program_environment({"PATH=/pam"}, program, kAlice, facts({}, {})), "PATH") ==
        "/usr/local/bin:/usr/bin:/bin");
  Account root = kAlice;
  root.uid = 0;
  CHECK(value(program_environment({}, program, root, facts({}, {})), "PATH").starts_with("/usr/local/sbin:"));
}
