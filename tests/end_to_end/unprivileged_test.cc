// Without root everything runs as the calling user, and only that user can log in.
#include <doctest/doctest.h>
#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

// A directory that the usual account owns, as its own home would be, with a configuration of its own.
class OwnInstallation {
 public:
  OwnInstallation() {
    write_configuration(directory_, {.programs = kWho + shell_program("where", "pwd; echo $USHER_JOB"),
                                     .more = "[[listener]]\nname = \"open\"\naddress = \"127.0.0.1:0\"\nlogin = \"none\"\nuser = \"" +
                                             usual_account() + "\"\nprogram = \"where\"\n"});
    if (::getuid() == 0) run({"chown", "-R", usual_account() + ":", directory_.path()});
    process_.emplace(command({"start", "--foreground"}));
    REQUIRE(process_->wait_for_error_text(" ready configuration="));
  }
  OwnInstallation(const OwnInstallation&) = delete;
  OwnInstallation& operator=(const OwnInstallation&) = delete;
  ~OwnInstallation() {
    run(command({"stop"}));
    process_->wait_for_end(kPatience);
  }

  // As the usual account.
  std::vector<std::string> command(std::vector<std::string> words) const {
    words.insert(words.begin(), USHER_COMMAND);
    words.insert(words.begin() + 2, {"--config", directory_.path("usher.toml")});
    return command_as(usual_account(), words);
  }
  std::string address(const std::string& listener = "generic") const {
    const std::string mark = "listening listener=" + listener + " address=";
    const std::string text = log();
    const std::size_t at = text.find(mark) + mark.size();
    return text.substr(at, text.find('\n', at) - at);
  }
  std::string log() const { return process_->error_output(); }
  pid_t starter() const { return process_->pid(); }

 private:
  TemporaryDirectory directory_;
  std::optional<Process> process_;
};

}  // namespace

TEST_CASE("without root: it says so at the start, and the caller logs in as at any other Usher") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const OwnInstallation usher;
  CHECK(usher.log().find("without_root effect=\"only this user can log in\" user=" + usual_account()) !=
        std::string::npos);
  CHECK(run_program(usher.address(), usual_account(), "who") ==
        usual_account() + "\n\r\n103 The program has ended.\r\n");
  CHECK(run_program(usher.address(), usual_account(), "where").starts_with(home_of(usual_account()) + "\n"));
  const Result jobs = run(usher.command({"jobs", "--all"}));
  CHECK(jobs.ending.code == 0);
  CHECK(jobs.output.find(" who ") != std::string::npos);
}

TEST_CASE("without root: a public listener runs its program as the caller") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const OwnInstallation usher;
  Client client(usher.address("open"));
  CHECK(client.read_until_closed().starts_with(home_of(usual_account()) + "\n"));
}

TEST_CASE("without root: nobody else gets in, in the words of any refusal") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const OwnInstallation usher;
  Client client(usher.address());
  for (const std::string user : {"second", "root", "nobody-here"}) {
    client.answer(100, user);
    client.answer(101, user + "-secret");
    CHECK(client.expect_line(900) == "Login incorrect.");
  }
  client.expect_closed();
}

TEST_CASE("without root: every process is the caller's, and the login process is confined all the same") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const OwnInstallation usher;
  const std::string uid = std::to_string(::getpwnam(usual_account().c_str())->pw_uid);
  const std::string all_four = uid + " " + uid + " " + uid + " " + uid;
  std::size_t confined = 0;
  for (const ProcessEntry& process : descendants_of(usher.starter())) {
    CHECK(status_of(process.pid, "Uid") == all_four);
    CHECK(status_of(process.pid, "CapEff") == "0000000000000000");
    if (status_of(process.pid, "Seccomp") == "2") ++confined;
  }
  CHECK(confined >= 2);
}

TEST_CASE("without root: its directories are the caller's own where none are named") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory directory;
  directory.write("usher.toml", "[[listener]]\nname = \"generic\"\naddress = \"unix:" + directory.path("front.sock") +
                                    "\"\npool = \"generic\"\n[pool.generic]\npam_service = \"usher-test\"\n" + kWho);
  for (const char* name : {"run", "state"}) std::filesystem::create_directory(directory.path(name));
  if (::getuid() == 0) run({"chown", "-R", usual_account() + ":", directory.path()});
  const std::vector<std::string> environment{"env", "XDG_RUNTIME_DIR=" + directory.path("run"),
                                             "XDG_STATE_HOME=" + directory.path("state")};
  const auto usher = [&](std::vector<std::string> words) {
    words.insert(words.begin(), environment.begin(), environment.end());
    words.insert(words.end(), {"--config", directory.path("usher.toml")});
    return command_as(usual_account(), words);
  };
  Process process(usher({USHER_COMMAND, "start", "--foreground"}));
  CHECK(process.wait_for_error_text(" ready configuration="));
  CHECK(run_program("unix:" + directory.path("front.sock"), usual_account(), "who").starts_with(usual_account()));
  CHECK(std::filesystem::exists(directory.path("run/usher/control.sock")));
  CHECK(std::filesystem::exists(directory.path("state/usher/db/history.db")));
  CHECK(run(usher({USHER_COMMAND, "stop"})).ending.code == 0);
  CHECK(process.wait().code == 0);
}

TEST_CASE("without root: out of processes clients wait for a worker, and are served when there may be some again") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  SKIP_UNLESS(::getuid() == 0, "its user's other processes count");
  const OwnInstallation usher;
  pid_t pattern = 0;
  for (const ProcessEntry& child : children_of(usher.starter())) {
    if (child.name == "usher-worker" && children_of(child.pid).empty()) pattern = child.pid;
  }
  REQUIRE(pattern != 0);
  const auto limit = [&](const std::string& soft) {
    return run(command_as(usual_account(), {"prlimit", "--pid", std::to_string(pattern), "--nproc=" + soft + ":"})).ending.code;
  };
  REQUIRE(limit("1") == 0);
  std::vector<Client> clients;
  for (int i = 0; i < 6; ++i) clients.emplace_back(usher.address());  // more than there are ready workers
  CHECK(wait_until([&] { return usher.log().find("pool_paused") != std::string::npos; }));
  REQUIRE(limit("10000") == 0);
  for (Client& client : clients) {
    log_in(client, usual_account(), "who");
    CHECK(client.read_line() == usual_account());
  }
}
