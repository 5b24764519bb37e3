// A changed configuration comes into force while the service runs, as a whole or not at all.
#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <future>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

std::string generation_of(const Installation& usher) {
  return usher.status().at(0).at("generation");
}

bool serves(const std::string& address) {
  return run_program(address, usual_account(), "who").starts_with(usual_account() + "\n");
}

std::string says(const std::string& word) {
  return shell_program("say", "echo " + word + "; exec cat");
}

// The line that the program begins with.
std::string first_line(Client& client, const std::string& program) {
  log_in(client, usual_account(), program);
  return client.read_line();
}

std::string listener(const std::string& name, const std::string& address, const std::string& more = "") {
  return "[[listener]]\nname = \"" + name + "\"\naddress = \"" + address + "\"\npool = \"generic\"\n" + more + "\n";
}

bool accepts(const std::string& address) try { return Client(address).fd() >= 0; } catch (const std::system_error&) {
  return false;
}

// Faults of several kinds in usher.toml and in a file of programs.d.
void write_faults(const Installation& usher, const Setting& setting) {
  Setting faulty = setting;
  faulty.listener += "login_tries = 99\nno_such_key = 1\n";
  faulty.pam_service = "no-such-service";
  usher.rewrite(faulty);
  usher.directory().write("programs.d/faulty.toml",
                          "[program.faulty]\ncommand = [\"/no/such/program\"]\nnice = \"very\"\n");
}

}  // namespace

TEST_CASE("reload: a new file in programs.d is all it takes, and a removed one is gone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho});
  Client before(usher.address());
  before.answer(100, usual_account());
  usher.directory().write("programs.d/hello.toml", shell_program("hello", "echo hello"));
  const Result reload = usher.reload();
  CHECK(reload.ending.code == 0);
  CHECK(reload.output == "usher: the configuration is in force (generation 2)\n");
  CHECK(run_program(usher.address(), usual_account(), "hello").starts_with("hello\n"));

  // Whoever was logging in goes on with the configuration that the login began with.
  before.answer(101, usual_account() + "-secret");
  before.answer(102, "hello");
  before.expect_line(903);
  before.answer(102, "who");
  before.expect_line(110);

  std::filesystem::remove(usher.directory().path("programs.d/hello.toml"));
  CHECK(usher.reload().ending.code == 0);
  Client after(usher.address());
  after.answer(100, usual_account());
  after.answer(101, usual_account() + "-secret");
  after.answer(102, "hello");
  after.expect_line(903);
}

TEST_CASE("reload: running jobs keep what they have") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = says("old")});
  Client running(usher.address());
  CHECK(first_line(running, "say") == "old");
  usher.rewrite({.programs = says("new")});
  CHECK(usher.reload().ending.code == 0);
  Client next(usher.address());
  CHECK(first_line(next, "say") == "new");
  usher.rewrite({.programs = kWho});
  CHECK(usher.reload().ending.code == 0);
  for (Client* client : {&running, &next}) {
    client->send("still here\n");
    CHECK(client->read_line() == "still here");
    client->finish_sending();
    client->read_line();
    client->expect_line(103);
  }
}

TEST_CASE("reload: by SIGHUP as by command") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = kWho});
  usher.directory().write("programs.d/hello.toml", shell_program("hello", "echo hello"));
  usher.process().signal(SIGHUP);
  CHECK(usher.wait_for_log("configuration generation=2"));
  CHECK(wait_until([&] { return usher.is_calm(); }));
  CHECK(run_program(usher.address(), usual_account(), "hello").starts_with("hello\n"));
}

TEST_CASE("reload: a faulty configuration changes nothing and is told in the words of check") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Setting setting = steady({.programs = kWho});
  Installation usher(setting);
  const Holdings before = holdings_of(usher);
  const std::vector<JobRow> workers = usher.jobs();
  write_faults(usher, setting);
  const Result check = usher.usher({"check"});
  const Result reload = usher.reload();
  CHECK(check.ending.code == 1);
  CHECK(reload.ending.code == 1);
  const std::string faults =
      check.error_output.substr(0, check.error_output.rfind('\n', check.error_output.size() - 2) + 1);
  CHECK(std::count(faults.begin(), faults.end(), '\n') >= 4);
  CHECK(reload.error_output == faults + "usher: nothing was changed: the configuration has faults\n");
  usher.process().signal(SIGHUP);
  CHECK(wait_until([&] {
    return usher.log().find("configuration_refused", usher.log().find("configuration_refused") + 1) !=
           std::string::npos;
  }));
  CHECK(generation_of(usher) == "1");
  CHECK(usher.jobs() == workers);
  CHECK(serves(usher.address()));
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("reload: a file that is no TOML is told, changes nothing, and does not keep Usher from being stopped") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = kWho});
  const std::string good = read_file(usher.configuration());
  usher.directory().write("usher.toml", good + "[program.broken\n");
  const Result reload = usher.reload();
  CHECK(reload.ending.code == 1);
  CHECK(reload.error_output.starts_with(usher.configuration() + ":"));
  CHECK(reload.error_output.find("not valid TOML") != std::string::npos);
  CHECK(reload.error_output.ends_with("usher: nothing was changed: the configuration has faults\n"));
  CHECK(serves(usher.address()));
  usher.directory().write("usher.toml", "[server\n" + good);
  CHECK(usher.reload().error_output.find("not valid TOML") != std::string::npos);  // nobody knows where it runs
  usher.directory().write("usher.toml", good + "[program.broken\n");
  CHECK(usher.usher({"stop"}).ending.code == 0);
  CHECK(usher.process().wait().code == 0);
}

TEST_CASE("reload: a PAM service whose modules cannot be loaded changes nothing") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const TemporaryDirectory services;
  const std::string good = "auth required pam_unix.so\naccount required pam_unix.so\nsession required pam_unix.so\n";
  services.write("front", good);
  const Setting setting = steady({.programs = kWho, .pam_service = "front", .pam_directory = services.path()});
  const Installation usher(setting);
  const Holdings before = holdings_of(usher);
  services.write("front", good + "session required " USHER_CRASHING_MODULE "\n");
  const Result reload = usher.reload();
  CHECK(reload.ending.code == 1);
  CHECK(reload.error_output == "usher: nothing was changed: usher-worker ended (signal SIGABRT)\n");
  CHECK(generation_of(usher) == "1");
  services.write("front", good);
  CHECK(serves(usher.address()));
  CHECK(comes_back_to(usher, before));
  CHECK(usher.reload().ending.code == 0);
}

TEST_CASE("reload: a listener is added, changed, removed; the others keep their sockets") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Setting setting = steady({.programs = kWho});
  const Installation usher(setting);
  const Holdings before = holdings_of(usher);
  const std::string address = usher.address();

  Setting more = setting;
  more.more = listener("second", "127.0.0.1:0");
  usher.rewrite(more);
  CHECK(usher.reload().ending.code == 0);
  CHECK(usher.present_address("generic") == address);
  const std::string second = usher.present_address("second");
  CHECK(serves(second));
  CHECK(serves(address));

  more.more = listener("second", "127.0.0.1:0", "program = \"who\"");
  usher.rewrite(more);
  CHECK(usher.reload().ending.code == 0);
  CHECK(usher.present_address("second") == second);
  Client fixed(second);
  fixed.answer(100, usual_account());
  fixed.answer(101, usual_account() + "-secret");
  CHECK(fixed.read_until_closed() == usual_account() + "\n");

  const std::string socket = usher.directory().path("second.sock");
  more.more = listener("second", "unix:" + socket);
  usher.rewrite(more);
  CHECK(usher.reload().ending.code == 0);
  CHECK(wait_until([&] { return !accepts(second); }));
  CHECK(serves("unix:" + socket));

  usher.rewrite(setting);
  CHECK(usher.reload().ending.code == 0);
  CHECK(wait_until([&] { return !accepts("unix:" + socket); }));
  CHECK_FALSE(std::filesystem::exists(socket));
  CHECK(serves(address));
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("reload: an address that is taken changes nothing") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation other({.programs = kWho});
  const Setting setting = steady({.programs = kWho});
  const Installation usher(setting);
  const Holdings before = holdings_of(usher);
  Setting taken = setting;
  taken.more = listener("second", "127.0.0.1:0") + listener("third", other.address());
  usher.rewrite(taken);
  const Result reload = usher.reload();
  CHECK(reload.ending.code == 1);
  CHECK(reload.error_output.find("nothing was changed: listen on " + other.address()) != std::string::npos);
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("reload: under constant load nobody is refused") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Setting setting = steady({.programs = kWho});
  const Installation usher(setting);
  const Holdings before = holdings_of(usher);
  Visitors visitors(usher.address(), 4);
  for (int i = 0; i < 8; ++i) {
    const int served = visitors.served();
    CHECK(usher.reload().ending.code == 0);
    CHECK(wait_until([&] { return visitors.served() > served + 4; }));
  }
  const Visitors::Tally tally = visitors.stop();
  CHECK(tally.failed == 0);
  CHECK(tally.failure == "");
  CHECK(generation_of(usher) == "9");
  CHECK(comes_back_to(usher, before));
}

TEST_CASE("reload: each of several at one time is answered") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher(steady({.programs = kWho}));
  std::vector<std::future<Result>> reloads;
  for (int i = 0; i < 6; ++i) reloads.push_back(std::async(std::launch::async, [&] { return usher.reload(); }));
  int in_force = 0;
  for (auto& reload : reloads) {
    const Result result = reload.get();
    const bool refused = result.error_output == "usher: nothing was changed: another reload is under way\n";
    CHECK((result.ending.code == 0 || refused));
    if (result.ending.code == 0) ++in_force;
  }
  CHECK(in_force > 0);
  CHECK(generation_of(usher) == std::to_string(1 + in_force));
  CHECK(serves(usher.address()));
}

TEST_CASE("reload: directories and users of the server stay until the next start") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Setting setting{.programs = kWho};
  const Installation usher(setting);
  std::string text = read_file(usher.configuration());
  text.replace(text.find("/state\""), 7, "/other\"");
  usher.directory().write("usher.toml", text);
  const Result reload = usher.reload();
  CHECK(reload.ending.code == 1);
  CHECK(reload.error_output.find("usher stop and usher start") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(usher.directory().path("other")));
}
