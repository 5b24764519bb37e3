// Usher starts on what check approves and on nothing else, once, and leaves nothing behind when it does not.
#include <doctest/doctest.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <filesystem>
#include <functional>

#include "base/system.h"
#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

// Whatever a command of a test leaves running becomes a child of this process.
void adopt_orphans() {
  usher::check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl");
}

bool nothing_is_left() {
  return wait_until([] { return descendants_of(getpid()).empty(); });
}

Result run_usher(const std::string& configuration, std::vector<std::string> words) {
  words.insert(words.begin(), USHER_COMMAND);
  words.insert(words.begin() + 2, {"--config", configuration});
  return run(words);
}

std::string without_last_line(const std::string& text) {
  return text.size() < 2 ? "" : text.substr(0, text.rfind('\n', text.size() - 2) + 1);
}

struct Fault {
  const char* name;
  std::function<void(const TemporaryDirectory&, Setting&)> make;
};

const std::vector<Fault> kFaults{
    {"no TOML", [](const TemporaryDirectory&, Setting& setting) { setting.more = "[program.x\n"; }},
    {"keys",
     [](const TemporaryDirectory&, Setting& setting) {
       setting.listener = "no_such_key = 1\nlogin_tries = 99\nlogin_timeout = 5\n";
       setting.pool = "wait = \"yes\"\nmaximum = 2\n";
     }},
    {"references",
     [](const TemporaryDirectory&, Setting& setting) {
       setting.more = "[[listener]]\nname = \"generic\"\naddress = \"nonsense\"\npool = \"none\"\nprogram = \"none\"\n";
     }},
    {"no PAM service", [](const TemporaryDirectory&, Setting& setting) { setting.pam_service = "no-such-service"; }},
    {"no program",
     [](const TemporaryDirectory& directory, Setting&) {
       directory.write("programs.d/one.toml", "[program.one]\nusers = [\"*\"]\ncommand = [\"/no/such/file\"]\n");
       directory.write("programs.d/two.toml", "[program.two]\nusers = [\"*\"]\ncommand = [\"/etc/passwd\"]\n");
     }},
    {"an address of another machine",
     [](const TemporaryDirectory&, Setting& setting) { setting.address = "192.0.2.1:0"; }},
    {"a file that others may write",
     [](const TemporaryDirectory& directory, Setting&) { directory.write("programs.d/open.toml", "", 0666); }},
    {"a runtime directory that others may write",
     [](const TemporaryDirectory& directory, Setting&) {
       std::filesystem::create_directory(directory.path("run"));
       usher::check(::chmod(directory.path("run").c_str(), 0777), "chmod");
     }},
};

}  // namespace

TEST_CASE("start: refuses what check refuses, in the same words, and makes nothing") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  adopt_orphans();
  for (const Fault& fault : kFaults) {
    CAPTURE(fault.name);
    const TemporaryDirectory directory;
    Setting setting{.programs = kWho};
    fault.make(directory, setting);
    const std::string configuration = write_configuration(directory, setting);
    const Result check = run_usher(configuration, {"check"});
    CHECK(check.ending.code == 1);
    const std::string faults = without_last_line(check.error_output);
    CHECK_FALSE(faults.empty());
    for (const std::vector<std::string>& words : {std::vector<std::string>{"start"}, {"start", "--foreground"}}) {
      const Result start = run_usher(configuration, words);
      CHECK(start.ending.code == 1);
      CHECK(start.output.empty());
      CHECK(start.error_output == faults);
    }
    CHECK_FALSE(std::filesystem::exists(directory.path("run/lock")));
    CHECK_FALSE(std::filesystem::exists(directory.path("state")));
  }
  CHECK(nothing_is_left());
}

TEST_CASE("start: a configuration that is not there is told by both") {
  const Result check = run_usher("/no/such/usher.toml", {"check"});
  const Result start = run_usher("/no/such/usher.toml", {"start"});
  CHECK(check.ending.code == 1);
  CHECK(start.ending.code == 1);
  CHECK(start.error_output == without_last_line(check.error_output));
}

TEST_CASE("start: a warning does not keep it from starting, and is shown") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = "[program.nobody]\ncommand = [\"/bin/true\"]\n"});
  CHECK(usher.log().find("warning: program \"nobody\" names no users") != std::string::npos);
}

TEST_CASE("start: what only starting can tell ends it with the reason, and nothing is left") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  adopt_orphans();
  const std::string modules = "session required " USHER_CRASHING_MODULE "\n";
  struct Case {
    const char* name;
    std::function<void(const TemporaryDirectory&, Setting&)> make;
    std::string reason;
  };
  const Installation* other = nullptr;
  const std::vector<Case> cases{
      {"a module that cannot be loaded",
       [&](const TemporaryDirectory& directory, Setting& setting) {
         directory.write("pam.d/front", modules);
         setting.pam_service = "front";
         setting.pam_directory = directory.path("pam.d");
       },
       "usher: usher-worker ended (signal SIGABRT)\n"},
      {"an address in use", [&](const TemporaryDirectory&, Setting& setting) { setting.address = other->address(); },
       "usher: listen on "},
  };
  {
    const Installation running({.programs = kWho});
    other = &running;
    for (const Case& unstartable : cases) {
      CAPTURE(unstartable.name);
      const TemporaryDirectory directory;
      Setting setting{.programs = kWho};
      unstartable.make(directory, setting);
      const std::string configuration = write_configuration(directory, setting);
      CHECK(run_usher(configuration, {"check"}).ending.code == 0);
      const Result start = run_usher(configuration, {"start"});
      CHECK(start.ending.code == 1);
      CHECK(start.output.empty());
      CHECK(start.error_output.find(unstartable.reason) != std::string::npos);
      CHECK_FALSE(std::filesystem::exists(directory.path("run/control.sock")));
    }
  }
  CHECK(nothing_is_left());
}

TEST_CASE("start: without usher-login beside the others it says what is missing") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  adopt_orphans();
  const TemporaryDirectory directory;
  const std::filesystem::path built = std::filesystem::path(USHER_COMMAND).parent_path();
  for (const char* name : {"usher", "usher-starter", "usher-listener", "usher-pool", "usher-worker", "usher-public"}) {
    std::filesystem::copy_file(built / name, directory.path(name));
  }
  std::filesystem::permissions(directory.path(), std::filesystem::perms(0755));
  const std::string configuration = write_configuration(directory, {.programs = kWho});
  const Result start = run({directory.path("usher"), "start", "--config", configuration});
  CHECK(start.ending.code == 1);
  CHECK(start.error_output.find("open " + directory.path("usher-login") + ": No such file or directory") != std::string::npos);
  CHECK(nothing_is_left());
}

TEST_CASE("start: a second one says that it runs already, and disturbs nobody") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"start"}, {"start", "--foreground"}}) {
    const Result second = usher.usher(words);
    CHECK(second.ending.code == 1);
    CHECK(second.error_output == "usher: Usher is running already in " + usher.directory().path("run") + " (process " +
                                     std::to_string(usher.starter()) + "); stop it with: usher stop\n");
  }
  CHECK(usher.usher({"status"}).ending.code == 0);
  CHECK(run_program(usher.address(), usual_account(), "who").starts_with(usual_account()));
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("start: in the background it returns when it is ready, and stop returns when all is gone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  adopt_orphans();
  const TemporaryDirectory directory;
  const std::string address = "unix:" + directory.path("front.sock");
  const std::string configuration = write_configuration(directory, {.programs = kWho, .address = address});
  for (int round = 0; round < 2; ++round) {
    const Result start = run_usher(configuration, {"start"});
    CHECK(start.ending.code == 0);
    CHECK(start.output.starts_with("Usher is running (process "));
    CHECK(start.error_output.empty());
    CHECK(run_program(address, usual_account(), "who").starts_with(usual_account()));
    Client in_login(address);
    in_login.expect_line(100);
    CHECK(run_usher(configuration, {"stop"}).ending.code == 0);
    CHECK(descendants_of(getpid()).empty());
    CHECK_FALSE(std::filesystem::exists(directory.path("front.sock")));
    CHECK_FALSE(std::filesystem::exists(directory.path("run/control.sock")));
    const Result again = run_usher(configuration, {"stop"});
    CHECK(again.ending.code == 1);
    CHECK(again.error_output.find("is not running") != std::string::npos);
  }
}
