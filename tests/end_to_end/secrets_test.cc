// A password is nowhere once PAM has had it, and no other process can look where it was.
#include <doctest/doctest.h>
#include <pwd.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <regex>

#include "base/system.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/certificates.h"
#include "tests/support/process_memory.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::size_t count_in_memory(pid_t pid, const std::string& text) {
  const std::string all = memory_of(pid);
  std::size_t count = 0;
  for (std::size_t at = all.find(text); at != std::string::npos; at = all.find(text, at + 1)) ++count;
  return count;
}

// A wrong password, longer than all that is said later, which therefore cannot hide what is left of it.
void mistype(Client& client) {
  std::string wrong;
  for (int i = 0; i < 20; ++i) wrong.append("-mistyped-");
  client.answer(100, usual_account());
  client.answer(101, wrong);
  client.expect_line(900);
}

std::vector<std::string> holders_of_a_secret(const Installation& usher) {
  std::vector<ProcessEntry> all = descendants_of(usher.starter());
  all.push_back({usher.starter(), 0, 'S', "usher-starter"});
  std::vector<std::string> found;
  for (const ProcessEntry& process : all) {
    for (const std::string& secret : {usual_account() + "-secre", std::string("-mistyped--mistyped-")}) {
      if (count_in_memory(process.pid, secret) == 0) continue;
      MESSAGE(process.name << " has " << secret);
      found.push_back(process.name);
    }
  }
  return found;
}

// In a child that has become that user: may it trace the process?
bool may_trace(uid_t uid, pid_t process) {
  const pid_t pid = check(::fork(), "make a process");
  if (pid == 0) {
    const bool became = ::geteuid() == uid || ::setresuid(uid, uid, uid) == 0;
    const bool may = ::ptrace(PTRACE_ATTACH, process, nullptr, nullptr) == 0;
    if (may) ::waitpid(process, nullptr, 0);
    if (may) ::ptrace(PTRACE_DETACH, process, nullptr, nullptr);
    _exit(!became ? 2 : may ? 1 : 0);
  }
  int status = 0;
  retry([&] { return ::waitpid(pid, &status, 0); });
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 1;
}

bool leaves_no_core(pid_t pid) {
  const std::string limits = read_file("/proc/" + std::to_string(pid) + "/limits");
  return std::regex_search(limits, std::regex("Max core file size +0 +0 "));
}

}  // namespace

TEST_CASE("secrets: after a login no process of Usher has the password in its memory") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  SKIP_UNLESS(!kSanitized, "a sanitizer has too much memory of its own to look through");
  const Installation usher({.programs = shell_program("stay", "echo on; exec cat")});
  Client chooses(usher.address());
  mistype(chooses);
  chooses.answer(100, usual_account());
  chooses.answer(101, usual_account() + "-secret");
  chooses.expect_line(102);  // its login process lives
  Client is_in(usher.address());
  log_in(is_in, usual_account(), "stay");
  REQUIRE(is_in.read_line() == "on");
  // What is looked for can be found: the user's name is there, in the worker and in its login process.
  const pid_t worker = worker_of(usher, chooses);
  CHECK(count_in_memory(worker, usual_account()) > 0);
  CHECK(holders_of_a_secret(usher).empty());
}

TEST_CASE("secrets: after a login with TLS the relay has the password nowhere either") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  SKIP_UNLESS(!kSanitized, "a sanitizer has too much memory of its own to look through");
  const Certificates made;
  made.server("front", "ec", "localhost");
  const std::string keys = "certificate = \"" + made.path("front.crt") + "\"\nkey = \"" + made.path("front.key") + "\"\n";
  const Installation usher({.programs = shell_program("stay", "echo on; exec cat"), .listener = "[listener.tls]\n" + keys});
  auto [ours, theirs] = make_stream_pair();
  const Process s_client({"openssl", "s_client", "-quiet", "-no_ign_eof", "-connect", usher.address()},
                         {.input_fd = theirs.get(), .output_fd = theirs.get()});
  theirs.reset();
  Client client(std::move(ours));
  mistype(client);
  log_in(client, usual_account(), "stay");
  REQUIRE(client.read_line() == "on");
  CHECK(holders_of_a_secret(usher).empty());
}

TEST_CASE("secrets: nobody of the same user can trace login process, listener or pool, and they leave no core") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({});
  const uid_t service = ::getpwnam("usher")->pw_uid;
  const uid_t login = ::getpwnam("usher-login")->pw_uid;
  struct Traced {
    pid_t pid;
    uid_t uid;
  };
  const pid_t idle_login = children_of(ready_workers(usher).at(0)).at(0).pid;
  for (const auto& [pid, uid] : {Traced{usher.service("usher-listener"), service},
                                 Traced{usher.service("usher-pool"), service}, Traced{idle_login, login}}) {
    CHECK_FALSE(may_trace(uid, pid));
    CHECK(leaves_no_core(pid));
  }
  // One of that user's that does not forbid it.
  const Process plain({"setpriv", "--reuid=" + std::to_string(service), "--clear-groups", "--regid=0", "--", "sleep", "60"});
  REQUIRE(wait_until([&] { return command_line_of(plain.pid()).starts_with("sleep"); }));
  CHECK(may_trace(service, plain.pid()));
}
