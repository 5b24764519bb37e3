// A program is as free as after a login by other doors: nothing of Usher's own confinement reaches it.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/end_to_end/installation.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

// What a process may do, without what differs from one process to the next.
constexpr const char* kShowRights =
    "grep -E '^(Uid|Gid|Groups|Seccomp|NoNewPrivs|Cap|SigBlk|SigIgn|Umask)' /proc/self/status;"
    "for kind in net pid user ipc uts; do readlink /proc/self/ns/$kind; done";

std::string lines_with(const std::string& text, const std::string& word) {
  std::istringstream lines(text);
  std::string found;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.find(word) != std::string::npos) found += line + "\n";
  }
  return found;
}

std::string rights_by_usher() {
  const Installation usher({.programs = shell_program("rights", kShowRights)});
  return run_program(usher.address(), usual_account(), "rights");
}

bool is_installed(const std::string& program) {
  return run({"/bin/sh", "-c", "command -v " + program}).ending.code == 0;
}

// A file of the user's in sshd's own words.
std::string make_key(const TemporaryDirectory& directory, const std::string& name) {
  std::string path = directory.path(name);
  run({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path});
  return path;
}

// One login by a real sshd, over pipes: the client runs the server as its connection. It wants a directory in /run.
Result rights_by_ssh(const TemporaryDirectory& directory) {
  const std::string host_key = make_key(directory, "host_key");
  const std::string user_key = make_key(directory, "user_key");
  std::filesystem::copy_file(user_key + ".pub", directory.path("authorized"));
  const std::string settings = directory.write(
      "sshd_config", "HostKey " + host_key + "\nAuthorizedKeysFile " + directory.path("authorized") +
                         "\nUsePAM yes\nStrictModes no\nPidFile none\n");
  const std::string server = "unshare -m sh -c 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec /usr/sbin/sshd -i -f " +
                             settings + "'";
  return run({"ssh", "-F", "none", "-i", user_key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
              "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o",
              "ProxyCommand=" + server, usual_account() + "@here", kShowRights});
}

}  // namespace

TEST_CASE("freedom: a program has the rights of a login by ssh, and no filter or bound") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const std::string ours = rights_by_usher();
  CHECK(lines_with(ours, "Seccomp:") == "Seccomp:\t0\n");
  CHECK(lines_with(ours, "NoNewPrivs:") == "NoNewPrivs:\t0\n");
  for (const char* set : {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"}) {
    CHECK(lines_with(ours, set) == std::string(set) + "\t0000000000000000\n");
  }
  SKIP_UNLESS(is_installed("ssh") && std::filesystem::exists("/usr/sbin/sshd"), "needs OpenSSH");
  const TemporaryDirectory directory;
  const Result ssh = rights_by_ssh(directory);
  CAPTURE(ssh.error_output);
  REQUIRE(lines_with(ssh.output, "CapBnd:") != "");
  for (const char* word :
       {"Uid:", "Gid:", "Groups:", "Seccomp", "NoNewPrivs:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "SigBlk:",
        "SigIgn:", "net:[", "pid:[", "user:[", "ipc:[", "uts:["}) {
    CAPTURE(word);
    CHECK(lines_with(ours, word) == lines_with(ssh.output, word));
  }
}

TEST_CASE("freedom: a setuid program works in a session") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const TemporaryDirectory directory;
  const std::string tool = directory.path("tool");
  std::filesystem::copy_file("/usr/bin/id", tool);
  REQUIRE(::chmod(directory.path("").c_str(), 0755) == 0);
  REQUIRE(::chown(tool.c_str(), 0, 0) == 0);
  REQUIRE(::chmod(tool.c_str(), 04755) == 0);
  const Installation usher({.programs = shell_program("rise", tool + " -u; " + tool + " -ru")});
  const std::string said = run_program(usher.address(), usual_account(), "rise");
  CAPTURE(said);
  CHECK(said.find("0\n") == 0);
  CHECK(said.find("0\n", 2) != 2);
}
