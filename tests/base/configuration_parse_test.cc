#include <doctest/doctest.h>

#include "base/configuration.h"
#include "tests/base/configuration_support.h"
#include "usher/error.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;

TEST_CASE("configuration: what is not given has its default") {
  const auto [configuration, faults] = parse_configuration(source_of(kGood));
  REQUIRE(faults.empty());
  CHECK(configuration.server.runtime_directory == "/run/usher");
  CHECK(configuration.server.state_directory == "/var/lib/usher");
  CHECK(configuration.server.user == "usher");
  CHECK(configuration.server.login_user == "usher-login");
  CHECK(configuration.server.minimum_uid == 1);

  CHECK(configuration.limits.ipv4_prefix == 24);
  CHECK(configuration.limits.ipv6_prefix == 64);
  CHECK(configuration.limits.exempt_networks == std::vector<std::string>{"127.0.0.0/8", "::1", "unix"});
  CHECK(configuration.limits.connections_per_address == 250);
  CHECK(configuration.limits.rate_per_address == 300);
  CHECK(configuration.limits.failures_per_account == 10);
  CHECK(configuration.limits.penalty == 10s);
  CHECK(configuration.limits.longest_penalty == 1h);
  CHECK(configuration.reserved.networks.empty());
  CHECK(configuration.reserved.logins_kept() == 0);
  CHECK(configuration.reserved.sessions_kept() == 0);

  REQUIRE(configuration.listeners.size() == 1);
  const ListenerConfig& listener = configuration.listeners[0];
  CHECK(listener.name == "main");
  CHECK(listener.address == "127.0.0.1:0");
  CHECK(listener.pool == "workers");
  CHECK(listener.dispatch == Dispatch::queue);
  CHECK(listener.program.empty());
  CHECK_FALSE(listener.telnet);
  CHECK_FALSE(listener.allow_plaintext);
  CHECK(listener.login_timeout == 60s);
  CHECK(listener.login_tries == 3);
  CHECK(listener.refusal_time == 2s);
  CHECK(listener.max_logins == 100);
  CHECK(listener.max_sessions == 400);
  CHECK(listener.pending_timeout == 10s);
  CHECK(listener.keepalive == 60s);

  REQUIRE(configuration.pools.size() == 1);
  const PoolConfig& pool = configuration.pools[0];
  CHECK(pool.name == "workers");
  CHECK(pool.initial == 3);
  CHECK(pool.threshold == 2);
  CHECK(pool.additional == 2);
  CHECK(pool.maximum == 500);
  CHECK(pool.wait);
  CHECK(pool.pam_service == "usher");
  CHECK(pool.pam_directory.empty());

  REQUIRE(configuration.programs.size() == 1);
  const ProgramConfig& program = configuration.programs[0];
  CHECK(program.name == "cat");
  CHECK(program.description.empty());
  CHECK(program.command == std::vector<std::string>{"/bin/cat"});
  CHECK_FALSE(program.arguments);
  CHECK(program.users == std::vector<std::string>{"*"});
  CHECK(program.groups.empty());
  CHECK(program.deny_users.empty());
  CHECK(program.deny_groups.empty());
  CHECK(program.environment == std::vector<std::pair<std::string, std::string>>{{"LANG", "C.UTF-8"}});
  CHECK(program.working_directory == "~");
  CHECK(program.stderr_to == StderrTo::log);
  CHECK(program.max_sessions == 0);
  CHECK(program.max_sessions_per_user == 0);
  CHECK(program.timeout == 0s);
  CHECK(program.nice == 0);
  CHECK(program.limits.open_files == 1024);
  CHECK(program.limits.processes == 100);
  CHECK(program.limits.memory_bytes == 512U << 20U);
  CHECK(program.limits.cpu == 0s);
  CHECK(program.limits.file_size_bytes == 0);
}

TEST_CASE("configuration: every key can be given") {
  const auto [configuration, faults] = parse_configuration(source_of(R"(
[server]
runtime_directory = "/tmp/run"
state_directory = "/tmp/state"
user = "daemon"
login_user = "nobody"
minimum_uid = 1000

[[listener]]
name = "l"
address = "unix:/tmp/l.sock"
pool = "p"
dispatch = "shared"
program = "x"
telnet = true
allow_plaintext = true
login_timeout = "5s"
login_tries = 1
refusal_time = "500ms"
max_logins = 7
max_sessions = 8
pending_timeout = "0s"
keepalive = "2h"

[pool.p]
initial = 0
threshold = 1
additional = 4
maximum = 1
wait = false
pam_service = "login"
pam_directory = "/tmp/pam"
)",
                                                                     R"(
[program.x]
description = "does x"
command = ["/bin/x", "--flag", "a b"]
arguments = true
users = ["*"]
groups = ["staff"]
deny_users = ["eve"]
deny_groups = ["guests", "bots"]
environment = { A = "1", B_2 = "" }
working_directory = "~/x"
stderr = "client"
max_sessions = 5
max_sessions_per_user = 1
timeout = "1d"
nice = -5
limits = { open_files = 0, memory = "64k", cpu = "1500ms", file_size = "1G" }
)"));
  REQUIRE(lines_of(faults) == std::vector<std::string>{});
  CHECK(configuration.server.runtime_directory == "/tmp/run");
  CHECK(configuration.server.state_directory == "/tmp/state");
  CHECK(configuration.server.user == "daemon");
  CHECK(configuration.server.login_user == "nobody");
  CHECK(configuration.server.minimum_uid == 1000);
  const ListenerConfig& listener = configuration.listeners.at(0);
  CHECK(listener.dispatch == Dispatch::shared);
  CHECK(listener.program == "x");
  CHECK(listener.telnet);
  CHECK(listener.allow_plaintext);
  CHECK(listener.login_timeout == 5s);
  CHECK(listener.login_tries == 1);
  CHECK(listener.refusal_time == 500ms);
  CHECK(listener.max_logins == 7);
  CHECK(listener.max_sessions == 8);
  CHECK(listener.pending_timeout == 0s);
  CHECK(listener.keepalive == 2h);
  const PoolConfig& pool = *configuration.pool("p");
  CHECK(pool.initial == 0);
  CHECK(pool.threshold == 1);
  CHECK(pool.additional == 4);
  CHECK(pool.maximum == 1);
  CHECK_FALSE(pool.wait);
  CHECK(pool.pam_service == "login");
  CHECK(pool.pam_directory == "/tmp/pam");
  const ProgramConfig& program = *configuration.program("x");
  CHECK(program.description == "does x");
  CHECK(program.command == std::vector<std::string>{"/bin/x", "--flag", "a b"});
  CHECK(program.arguments);
  CHECK(program.users == std::vector<std::string>{"*"});
  CHECK(program.groups == std::vector<std::string>{"staff"});
  CHECK(program.deny_users == std::vector<std::string>{"eve"});
  CHECK(program.deny_groups == std::vector<std::string>{"guests", "bots"});
  CHECK(program.environment == std::vector<std::pair<std::string, std::string>>{{"A", "1"}, {"B_2", ""}});
  CHECK(program.working_directory == "~/x");
  CHECK(program.stderr_to == StderrTo::client);
  CHECK(program.max_sessions == 5);
  CHECK(program.max_sessions_per_user == 1);
  CHECK(program.timeout == 24h);
  CHECK(program.nice == -5);
  CHECK(program.limits.open_files == 0);
  CHECK(program.limits.processes == 100);
  CHECK(program.limits.memory_bytes == 65'536);
  CHECK(program.limits.cpu == 1500ms);
  CHECK(program.limits.file_size_bytes == 1U << 30U);
}

TEST_CASE("configuration: listeners stay in their order, pools and programs are sorted and found by name") {
  const auto [configuration, faults] = parse_configuration(source_of(R"(
[[listener]]
name = "z"
address = "127.0.0.1:0"
pool = "b"
[[listener]]
name = "a"
address = "[::1]:0"
pool = "a"
[pool.b]
[pool.a]
[program.y]
command = ["/bin/y"]
users = ["*"]
)",
                                                                     "[program.x]\ncommand = [\"/bin/x\"]\n"
                                                                     "users = [\"*\"]\n"));
  REQUIRE(faults.empty());
  CHECK(configuration.listeners[0].name == "z");
  CHECK(configuration.listeners[1].name == "a");
  CHECK(configuration.pools[0].name == "a");
  CHECK(configuration.pool_index("b") == 1);
  CHECK(configuration.programs[0].name == "x");
  CHECK(configuration.program("y")->command[0] == "/bin/y");
  CHECK(configuration.pool("c") == nullptr);
  CHECK(configuration.program("") == nullptr);
  CHECK_THROWS_AS(configuration.pool_index("c"), Error);
}

TEST_CASE("configuration: the reader's directories are in force where [server] gives none") {
  ConfigurationSource source = source_of("[server]\nstate_directory = \"/given\"\n" + std::string(kGood));
  source.runtime_directory = "/readers/run";
  source.state_directory = "/readers/state";
  const ConfigurationResult result = parse_configuration(source);
  CHECK(result.configuration.server.runtime_directory == "/readers/run");
  CHECK(result.configuration.server.state_directory == "/given");
  source = source_of(kGood);
  source.state_directory = "/readers/state";
  CHECK(parse_configuration(source).configuration.server.state_directory == "/readers/state");
}

TEST_CASE("configuration: a fault is one line with its place and what to write") {
  const Fault fault{Severity::error, "/etc/u\nx.toml", 3, 7, "it is wrong", "write it right"};
  CHECK(fault.text() == "/etc/u?x.toml:3:7: error: it is wrong; write it right");
  CHECK(Fault{Severity::warning, "f", 0, 0, "m", "r"}.text() == "f: warning: m; r");
}

TEST_CASE("configuration: warnings alone leave a configuration in force") {
  const ConfigurationResult result =
      parse_configuration(source_of("[[listener]]\nname = \"a\"\n"
                                    "address = \"127.0.0.1:0\"\npool = \"p\"\n[pool.p]\n"));
  REQUIRE(result.faults.size() == 1);
  CHECK(result.faults[0].severity == Severity::warning);
  CHECK(result.ok());
}

TEST_CASE("configuration: limits and reserved places") {
  const auto [configuration, faults] = parse_configuration(source_of(std::string(kGood) + std::string(R"(
[limits]
exempt_networks = []
failures_per_address = 3
failure_memory = "1m"

[reserved]
users = ["root"]
sessions = 7
)")));
  REQUIRE(faults.empty());
  CHECK(configuration.limits.exempt_networks.empty());
  CHECK(configuration.limits.failures_per_address == 3);
  CHECK(configuration.limits.failures_per_network == 50);
  CHECK(configuration.limits.failure_memory == 1min);
  CHECK(configuration.reserved.sessions_kept() == 7);
  CHECK(configuration.reserved.logins_kept() == 0);  // no network is named
}
