#include <doctest/doctest.h>

#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"
#include "tests/worker/worker_harness.h"

using namespace usher;
using namespace usher::testing;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr int kClean = static_cast<int>(WorkerExit::clean);
constexpr const char* kUnixAuth = "auth required pam_unix.so\naccount required pam_unix.so\n";

// The test module in every phase, with this argument.
std::string module_everywhere(const std::string& argument) {
  const std::string module = "MODULE " + argument + "\n";
  return std::string(kUnixAuth)
      .append("auth required ")
      .append(module)
      .append("account required ")
      .append(module)
      .append("session required ")
      .append(module);
}

// A service of its own: pam_unix where nothing else is said, and the test module with these arguments.
class Service {
 public:
  explicit Service(const std::string& lines) {
    std::string text = lines;
    for (std::size_t at = 0; (at = text.find("MODULE", at)) != std::string::npos;) {
      text.replace(at, 6, pam_test_module() + " record=" + record());
    }
    directory_.write("custom", text);
    directory_.write("record", "", 0666);
  }
  WorkerSetting setting(const std::string& programs = shell_program("who", "id -un")) const {
    return {.programs = programs, .pam_service = "custom", .pam_directory = directory_.path()};
  }
  std::string record() const { return directory_.path("record"); }
  // The phases in the order of their calls: "auth account open ...".
  std::string phases() const {
    std::string phases;
    const std::string text = read_file(record());
    for (std::size_t at = 0; (at = text.find("phase=", at)) != std::string::npos;) {
      at += 6;
      phases += text.substr(at, text.find(' ', at) - at) + " ";
    }
    return phases;
  }

 private:
  TemporaryDirectory directory_;
};

void log_in_without_program(Client& client, const std::string& user) {
  client.answer(100, user);
  client.answer(101, user + "-secret");
}

}  // namespace

TEST_CASE("PAM: every phase once, in order, as root, and torn down in reverse") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Service service(kUnixAuth + "auth required MODULE\naccount required MODULE\nsession required MODULE\n"s);
  WorkerHarness worker(service.setting());
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "who");
  client.read_until_closed();
  client.close();
  CHECK(worker.wait() == kClean);
  CHECK(service.phases() == "auth account setcred-establish open close setcred-delete ");
  const std::string record = read_file(service.record());
  CHECK(record.find("uid=" + std::to_string(geteuid())) != std::string::npos);
  CHECK(record.find("user=" + usual_account() + " rhost=127.0.0.1 tty=usher service=custom") != std::string::npos);
}

TEST_CASE("PAM: a session is closed however the program ends") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string script : {"exit 7", "kill -9 $$", "sleep 60"}) {
    CAPTURE(script);
    const Service service(kUnixAuth + "session required MODULE\n"s);
    WorkerHarness worker(service.setting(shell_program("who", script)));
    Client client = worker.connect();
    worker.log_in(client, usual_account(), "who");
    if (script == "sleep 60") {
      client.reset();
    } else {
      client.read_until_closed();
      client.close();
    }
    CHECK(worker.wait() == kClean);
    CHECK(service.phases() == "open close ");
  }
}

TEST_CASE("PAM: credentials or a session that cannot be had are 901, and what was begun is undone") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Case {
    std::string phase;
    std::string phases;
  };
  const std::vector<Case> cases{{"setcred-establish", "auth account setcred-establish setcred-delete "},
                                {"open", "auth account setcred-establish open close setcred-delete "}};
  for (const Case& failing : cases) {
    CAPTURE(failing.phase);
    const Service service(module_everywhere("fail=" + failing.phase));
    WorkerHarness worker(service.setting());
    Client client = worker.connect();
    log_in_without_program(client, usual_account());
    client.answer(102, "who");
    worker.grant();
    client.expect_line(901);
    client.expect_closed();
    client.close();
    CHECK(worker.wait() == kClean);
    CHECK(service.phases() == failing.phases);
  }
}

TEST_CASE("PAM: an account that may not log in is 901, after its password") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  WorkerHarness worker({});
  Client client = worker.connect();
  log_in_without_program(client, "expired");
  client.expect_line(905);
  client.expect_line(901);
  client.expect_closed();
}

TEST_CASE("PAM: unknown, wrong, locked, without a password, and root read the same") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  struct Try {
    std::string user;
    std::string password;
  };
  const std::vector<Try> refused{{"no-such-user", "x"},
                                 {"normal", "x"},
                                 {"locked", "locked-secret"},
                                 {"nopassword", ""},
                                 {"root", "root-secret"},
                                 {"*", ""},
                                 {"", ""},
                                 {"normal ", "normal-secret"},
                                 {"normal", ""},
                                 {"../normal", "x"}};
  std::string text;
  for (const Try& tried : refused) {
    CAPTURE(tried.user);
    WorkerHarness worker({.listener = "login_tries = 1", .pam_service = "usher-test-nullok"});
    Client client = worker.connect();
    client.answer(100, tried.user);
    if (!tried.user.empty()) client.answer(101, tried.password);
    const std::string refusal = client.expect_line(900);
    if (text.empty()) text = refusal;
    CHECK(refusal == text);
    client.expect_closed();
    client.close();
    CHECK(worker.wait() == kClean);
  }
}

TEST_CASE("PAM: a refusal does not leave before its time, however quick the reason") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string user : {"no-such-user", "normal", "root"}) {
    WorkerHarness worker({.listener = "refusal_time = \"400ms\"\nlogin_tries = 1"});
    Client client = worker.connect();
    client.answer(100, user);
    client.answer(101, "x");
    const Instant sent = Clock::now();
    client.expect_line(900);
    CHECK(Clock::now() - sent >= 395ms);
  }
}

TEST_CASE("PAM: prompts of either kind, information and errors come in the order of the modules") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Service service(
      "auth required MODULE [info=read this] prompts=5 [error=take\\x1bcare\\x0anow]\n"
      "auth required pam_unix.so\naccount required pam_unix.so\n");
  WorkerHarness worker(service.setting());
  Client client = worker.connect();
  client.answer(100, usual_account());
  CHECK(client.expect_line(105) == "read this");
  client.answer(104, "answer1");
  client.answer(101, "answer2");
  client.answer(104, "answer3");
  client.answer(101, "answer4");
  client.answer(104, "answer5");
  CHECK(client.expect_line(905) == "take?care now");
  client.answer(101, usual_account() + "-secret");
  client.expect_line(102);
}

TEST_CASE("PAM: an expired password is changed in the dialog, and the new one holds") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const auto attempt = [](const std::string& password) {
    auto worker = std::make_unique<WorkerHarness>(WorkerSetting{.programs = shell_program("who", "id -un")});
    auto client = std::make_unique<Client>(worker->connect());
    client->answer(100, "mustchange");
    client->answer(101, password);
    return std::pair(std::move(worker), std::move(client));
  };
  {
    auto [worker, client] = attempt("mustchange-secret");
    std::string line = client->read_line();
    while (line.starts_with("905 ") || line.starts_with("105 ")) line = client->read_line();
    CHECK(line == "101 Current password:");
    client->send_line("mustchange-secret");
    client->answer(101, "a-quite-new-secret-7");
    client->answer(101, "a-quite-new-secret-7");
    client->answer(102, "who");
    worker->grant();
    client->expect_line(110);
    CHECK(client->read_line() == "mustchange");
  }
  {
    auto [worker, client] = attempt("a-quite-new-secret-7");
    client->expect_line(102);
  }
}

TEST_CASE("PAM: a one-time code is a second secret") {
  SKIP_UNLESS(in_private_etc() && has_pam_module("pam_oath.so"), "needs libpam-oath");
  WorkerHarness worker({.pam_service = "usher-test-oath"});
  Client client = worker.connect();
  log_in_without_program(client, "oath");
  client.answer(101, kOneTimeCodes[0]);
  client.expect_line(102);
}

TEST_CASE("PAM: who the modules say has logged in is who the program runs as") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Service service(
      "auth required pam_unix.so\nauth required MODULE user=second\naccount required pam_unix.so\n"
      "session required pam_permit.so\n");
  WorkerHarness worker(service.setting());
  Client client = worker.connect();
  worker.log_in(client, "normal", "who");
  CHECK(client.read_line() == "second");
}

TEST_CASE("PAM: groups, variables and limits that modules give reach the program") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  struct Case {
    const char* service;
    const char* script;
    const char* expected;
  };
  for (const Case& given :
       {Case{"usher-test-group", "id -Gn | tr ' ' '\\n' | grep from-pam", "from-pam"},
        Case{"usher-test-env", "echo $USHER_PAM_ENV", "from-pam"}, Case{"usher-test-limits", "ulimit -Sn", "200"}}) {
    CAPTURE(given.service);
    WorkerHarness worker(
        {.programs = shell_program("show", given.script, "limits = { open_files = 0 }"), .pam_service = given.service});
    Client client = worker.connect();
    worker.log_in(client, "normal", "show");
    CHECK(client.read_line() == given.expected);
  }
}

TEST_CASE("PAM: a module that crashes or ends the process takes only its own connection") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  for (const std::string how : {"crash", "exit"}) {
    for (const std::string phase : {"auth", "account", "setcred-establish", "open"}) {
      CAPTURE(how);
      CAPTURE(phase);
      const Service service(module_everywhere(std::string(how).append("=").append(phase)));
      WorkerHarness worker(service.setting());
      Client client = worker.connect();
      log_in_without_program(client, usual_account());
      if (phase == "setcred-establish" || phase == "open") {
        client.answer(102, "who");
        worker.grant();
      }
      worker.wait();
      CHECK(wait_until([&] { return descendants_of(getpid()).empty(); }));
    }
  }
}

TEST_CASE("PAM: while a module hangs the client still hears 904 at its deadline") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Service service("auth required pam_unix.so\nauth required MODULE hang=auth\n");
  WorkerSetting setting = service.setting();
  setting.listener = "login_timeout = \"1s\"";
  WorkerHarness worker(setting);
  Client client = worker.connect();
  log_in_without_program(client, usual_account());
  client.expect_line(904);
  client.expect_closed();
  CHECK(is_running(worker.pid()));  // the starter ends it: nobody else can
}

TEST_CASE("PAM: what a module leaves running is ended, what it prints reaches nobody, what it leaves open is closed") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Service service(kUnixAuth + "session required MODULE spawn=open noise=open leak=open\n"s);
  WorkerHarness worker(service.setting(shell_program("fds", "ls /proc/self/fd | tr '\\n' ' '; echo")));
  Client client = worker.connect();
  worker.log_in(client, usual_account(), "fds");
  CHECK(client.read_line() == "0 1 2 3 ");  // 3 is ls reading the directory
  client.read_until_closed();
  client.close();
  CHECK(worker.wait() == kClean);
  CHECK(wait_until([&] { return descendants_of(getpid()).empty(); }));
}
