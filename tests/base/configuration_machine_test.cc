// What only the machine can tell: real accounts, files, directories and addresses.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/listen_address.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/base/configuration_support.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

using Lines = std::vector<std::string>;

// A directory with all that a good configuration needs of the machine.
class Machine {
 public:
  Machine() {
    directory_.write("pam.d/usher", "auth required pam_permit.so\n");
    program_ = directory_.write("program", "#!/bin/sh\n", 0755);
  }

  const TemporaryDirectory& directory() const { return directory_; }
  std::string path(std::string_view name) const { return directory_.path(name); }
  const std::string& program() const { return program_; }

  std::string server() const {
    return "[server]\nruntime_directory = \"" + path("run") + "\"\nstate_directory = \"" + path("state") +
           "\"\nuser = \"daemon\"\nlogin_user = \"nobody\"\n";
  }
  static std::string listener(const std::string& address) {
    return "[[listener]]\nname = \"l\"\naddress = \"" + address + "\"\npool = \"p\"\n";
  }
  std::string pool() const { return "[pool.p]\npam_directory = \"" + path("pam.d") + "\"\n"; }
  static std::string program_running(const std::string& command) {
    return "[program.x]\ncommand = [\"" + command + "\"]\nusers = [\"root\"]\n";
  }

  // The faults of a configuration, of which each part can be another than the good one.
  struct Parts {
    std::string server, listener, pool, program;
  };
  Lines faults(Parts parts) const {
    if (parts.server.empty()) parts.server = server();
    if (parts.listener.empty()) parts.listener = listener("127.0.0.1:0");
    if (parts.pool.empty()) parts.pool = pool();
    if (parts.program.empty()) parts.program = program_running(program_);
    const ConfigurationSource source = source_of(parts.server + parts.listener + parts.pool + parts.program);
    const std::size_t before = open_descriptors();
    ConfigurationResult result = parse_configuration(source);
    check_against_machine(source, result);
    CHECK(open_descriptors() == before);
    return lines_of(result.faults);
  }

 private:
  TemporaryDirectory directory_;
  std::string program_;
};

const std::string kTls = "[listener.tls]\ncertificate = \"/c\"\nkey = \"/k\"\n";

}  // namespace

TEST_CASE("machine: a configuration that fits has no faults") {
  CHECK(Machine().faults({}) == Lines{});
}

TEST_CASE("machine: a kernel without TLS is told of where it is to do the work") {
  const Machine machine;
  const Lines faults = machine.faults({{}, Machine::listener("127.0.0.1:0") + kTls + "handover = \"kernel\"\n", {}, {}});
  const bool kernel = read_file("/proc/sys/net/ipv4/tcp_available_ulp").find("tls") != std::string::npos;
  REQUIRE(faults.size() == (kernel ? 0 : 1));
  if (kernel) return;
  CHECK(faults[0].find(": warning: listener \"l\" wants TLS in the kernel, which has none here, so its sessions go through "
                       "the relay; load the module") != std::string::npos);
}

TEST_CASE("machine: the accounts of the services must be there, apart, and not root") {
  SKIP_UNLESS(geteuid() == 0, "without root the accounts are not used");
  const Machine machine;
  const auto with = [&](const std::string& user, const std::string& login_user) {
    return machine.faults({"[server]\nruntime_directory = \"" + machine.path("run") + "\"\nstate_directory = \"" +
                               machine.path("state") + "\"\nuser = \"" + user + "\"\nlogin_user = \"" + login_user +
                               "\"\n",
                           {},
                           {},
                           {}});
  };
  CHECK(with("no-such-account", "nobody") ==
        Lines{"usher.toml:4:8: error: user is \"no-such-account\", an account that is not there; make it with: useradd "
              "--system --shell /usr/sbin/nologin no-such-account, or name another"});
  CHECK(with("daemon", "root") ==
        Lines{"usher.toml:5:14: error: login_user is \"root\", which is root; name an account without privileges"});
  CHECK(with("nobody", "nobody") ==
        Lines{"usher.toml:5:14: error: login_user is \"nobody\" like user, so nothing would keep them apart; name an "
              "account of its own for each"});
}

TEST_CASE("machine: the service directories must be safe when they are there") {
  const Machine machine;
  const std::string run = machine.path("run");
  std::filesystem::create_directory(run);
  CHECK(machine.faults({}) == Lines{});
  check(::chmod(run.c_str(), 0777), "chmod");
  CHECK(machine.faults({}) == Lines{"usher.toml:2:21: error: directory \"" + run +
                                    "\" can be written by its group or by others; chmod go-w it, or name another"});
  std::filesystem::remove(run);
  machine.directory().write("run", "");
  CHECK(machine.faults({}) == Lines{"usher.toml:2:21: error: directory \"" + run +
                                    "\" is no directory; remove what stands there, or name another"});
}

TEST_CASE("machine: a service directory of anybody but the one who starts Usher is refused") {
  SKIP_UNLESS(geteuid() == 0, "only root can give a file away");
  const Machine machine;
  const std::string state = machine.path("state");
  std::filesystem::create_directory(state);
  check(::chown(state.c_str(), 4242, 4242), "chown");
  CHECK(machine.faults({}) ==
        Lines{"usher.toml:3:19: error: directory \"" + state + "\" belongs to user 4242; chown it, or name another"});
}

TEST_CASE("machine: an address that is not this machine's is refused, one that is in use is not") {
  const Machine machine;
  CHECK(machine.faults({{}, machine.listener("192.0.2.1:4000") + kTls, {}, {}}) ==
        Lines{"usher.toml:8:11: error: listener \"l\" cannot have address \"192.0.2.1:4000\": Cannot assign requested "
              "address; write an address of this machine"});
  const UniqueFd taken(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  const ListenAddress any = parse_listen_address("127.0.0.1:0").value();
  check(::bind(taken.get(), any.address(), any.length), "bind");
  ListenAddress bound;
  bound.length = sizeof bound.storage;
  check(::getsockname(taken.get(), static_cast<sockaddr*>(static_cast<void*>(&bound.storage)), &bound.length), "name");
  const auto* bytes = static_cast<const unsigned char*>(static_cast<const void*>(&bound.storage));
  const std::string port = std::to_string(bytes[2] * 256 + bytes[3]);
  CHECK(machine.faults({{}, machine.listener("127.0.0.1:" + port), {}, {}}) == Lines{});
}

TEST_CASE("machine: a listener beyond loopback is warned about unless plaintext is allowed") {
  const Machine machine;
  CHECK(
      machine.faults({{}, machine.listener("0.0.0.0:0"), {}, {}}) ==
      Lines{"usher.toml:8:11: warning: listener \"l\" listens beyond loopback without TLS, so its clients are refused "
            "(911); add [listener.tls] with a certificate and its key, or write allow_plaintext = true where the network "
            "is trusted, or listen on 127.0.0.1"});
  CHECK(machine.faults({{}, machine.listener("0.0.0.0:0") + "allow_plaintext = true\n", {}, {}}) ==
        Lines{"usher.toml:8:11: warning: listener \"l\" takes passwords in clear from beyond loopback; add "
              "[listener.tls] with a certificate and its key"});
  CHECK(machine.faults({{}, machine.listener("0.0.0.0:0") + kTls, {}, {}}) == Lines{});
}

TEST_CASE("machine: a unix socket needs its directory, and replaces nothing but a socket") {
  const Machine machine;
  const auto with = [&](const std::string& path) {
    return machine.faults({{}, machine.listener("unix:" + path), {}, {}});
  };
  CHECK(with(machine.path("l.sock")) == Lines{});
  CHECK(with(machine.path("run/l.sock")) == Lines{});  // the runtime directory is made at the start
  CHECK(with(machine.path("gone/l.sock")) ==
        Lines{"usher.toml:8:11: error: listener \"l\" has a socket in \"" + machine.path("gone") +
              "\": No such file or directory; make the directory"});
  CHECK(with(machine.program()) == Lines{"usher.toml:8:11: error: listener \"l\" would replace \"" + machine.program() +
                                         "\", which is no socket; remove it, or write another path"});
}

TEST_CASE("machine: the PAM service must be there, a file, and out of others' reach") {
  const Machine machine;
  const std::string service = machine.path("pam.d/usher");
  check(::chmod(service.c_str(), 0664), "chmod");
  CHECK(machine.faults({}) ==
        Lines{"usher.toml:11:17: error: PAM service \"" + service +
              "\" of pool \"p\" can be changed by others than root; chown it to root and chmod go-w "
              "it"});
  std::filesystem::remove(service);
  CHECK(machine.faults({}) ==
        Lines{"usher.toml:11:17: error: pool \"p\" has no PAM service \"" + service +
              "\": No such file or directory; write that file, or name another with pam_service"});
  std::filesystem::create_directory(service);
  CHECK(machine.faults({}) == Lines{"usher.toml:11:17: error: PAM service \"" + service +
                                    "\" of pool \"p\" is not a regular file; put one in its place"});
  CHECK(machine.faults({{}, {}, "[pool.p]\npam_service = \"no-such-service\"\n", {}}) ==
        Lines{"usher.toml:11:15: error: pool \"p\" has no PAM service \"/etc/pam.d/no-such-service\": No such file or "
              "directory; write that file, or name another with pam_service"});
}

TEST_CASE("machine: a command must be a file that can be executed") {
  const Machine machine;
  const auto with = [&](const std::string& command) {
    return machine.faults({{}, {}, {}, machine.program_running(command)});
  };
  CHECK(
      with("/no/such/program") ==
      Lines{
          "usher.toml:13:11: error: program \"x\" cannot run \"/no/such/program\": No such file or directory; install "
          "it, or write another path"});
  CHECK(
      with("/tmp") ==
      Lines{"usher.toml:13:11: error: program \"x\" cannot run \"/tmp\": it is not a regular file; write the path of a "
            "program"});
  check(::chmod(machine.program().c_str(), 0644), "chmod");
  CHECK(with(machine.program()) == Lines{"usher.toml:13:11: error: program \"x\" cannot run \"" + machine.program() +
                                         "\": nobody may execute it; chmod a+x it, or write another path"});
}

TEST_CASE("machine: users and groups that are not known, and working directories that are not there, are warnings") {
  const Machine machine;
  const std::string program = "[program.x]\ncommand = [\"" + machine.program() +
                              "\"]\nusers = [\"*\", \"no-such-user\"]\ngroups = [\"no-such-group\"]\n"
                              "deny_users = [\"nor-this\"]\ndeny_groups = [\"nor-that\"]\n"
                              "working_directory = \"/no/such/directory\"\n";
  const auto unknown = [](const std::string& place, const std::string& name, const std::string& what) {
    return "usher.toml:" + place + ": warning: \"" + name + "\" is not a " + what +
           " that this machine knows; see to its spelling, or take it out";
  };
  const std::string nowhere =
      "usher.toml:18:21: warning: working directory \"/no/such/directory\" of program \"x\" is no directory, so it "
      "would "
      "start in /; make it, or write \"~\"";
  CHECK(machine.faults({{}, {}, {}, program}) ==
        Lines{unknown("14:9", "no-such-user", "user"), unknown("15:10", "no-such-group", "group"),
              unknown("16:14", "nor-this", "user"), unknown("17:15", "nor-that", "group"), nowhere});
}

TEST_CASE("machine: nothing more is told about a value that was refused already") {
  const Machine machine;
  const Lines faults =
      machine.faults({"[server]\nuser = 3\nlogin_user = 3\n", machine.listener("nowhere"),
                      "[pool.p]\npam_service = 3\n", "[program.x]\ncommand = 3\nusers = [3]\nworking_directory = 3\n"});
  CHECK(faults.size() == 7);
}
