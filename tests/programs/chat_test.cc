// The program chat: several users in one room, each a process of its own.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>

#include "tests/support/accounts.h"
#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

struct Guest {
  Guest(const std::string& file, const std::string& account) : Guest(make_stream_pair(), file, account) {
    CHECK(client.read_line() == "* " + account + " is here");
  }
  Guest(std::pair<usher::UniqueFd, usher::UniqueFd> pair, const std::string& file, const std::string& account)
      : client(std::move(pair.first)),
        process(command_as(account, {"env", "USER=" + account, USHER_PROGRAMS "/chat", file}),
                {.input_fd = pair.second.get(), .output_fd = pair.second.get()}) {}

  Client client;
  Process process;
};

// The room of a test, open to all accounts.
struct Fixture {
  Fixture() { std::filesystem::permissions(directory.path(), std::filesystem::perms::all); }
  TemporaryDirectory directory;
  std::string room = directory.path("chat.db");
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "chat: everybody sees what is said, by whom, in one order") {
  SKIP_UNLESS(!single_uid(), "needs root to become other users");
  Guest first(room, "normal");
  Guest second(room, "second");
  CHECK(first.client.read_line() == "* second is here");
  first.client.send_line("hello");
  CHECK(second.client.read_line() == "<normal> hello");
  CHECK(first.client.read_line() == "<normal> hello");
  second.client.send_line("* normal leaves");
  CHECK(first.client.read_line() == "<second>  * normal leaves");
  CHECK(second.client.read_line() == "<second>  * normal leaves");
  second.client.send_line("/who");
  CHECK(second.client.read_line() == "* normal");
  CHECK(second.client.read_line() == "* second");
}

TEST_CASE_FIXTURE(Fixture, "chat: who says /quit or hangs up is seen to leave") {
  SKIP_UNLESS(!single_uid(), "needs root to become other users");
  Guest stays(room, "normal");
  Guest quits(room, "second");
  CHECK(stays.client.read_line() == "* second is here");
  quits.client.send_line("/quit");
  CHECK(stays.client.read_line() == "* second leaves");
  CHECK(quits.process.wait().code == 0);
  Guest hangs_up(room, "second");
  CHECK(stays.client.read_line() == "* second is here");
  hangs_up.client.close();
  CHECK(stays.client.read_line() == "* second leaves");
  stays.client.send_line("/who");
  CHECK(stays.client.read_line() == "* normal");
}

TEST_CASE_FIXTURE(Fixture,
                  "chat: who is killed is seen to leave, once, also when those who would notice are killed too") {
  SKIP_UNLESS(!single_uid(), "needs root to become other users");
  Guest stays(room, "normal");
  {
    Guest killed(room, "second");
    CHECK(stays.client.read_line() == "* second is here");
    killed.process.signal(SIGKILL);
    CHECK(stays.client.read_line() == "* second is gone");
  }
  Guest second(room, "second");
  Guest third(room, "private");
  CHECK(stays.client.read_line() == "* second is here");
  CHECK(stays.client.read_line() == "* private is here");
  second.process.signal(SIGKILL);
  third.process.signal(SIGKILL);
  std::string both;
  while (both.find("second is gone") == both.npos || both.find("private is gone") == both.npos) {
    both += stays.client.read_line() + "\n";
  }
  stays.client.send_line("/who");
  CHECK(stays.client.read_line() == "* normal");
}

TEST_CASE_FIXTURE(Fixture, "chat: a room of the dead is clean for the next who comes") {
  SKIP_UNLESS(!single_uid(), "needs root to become other users");
  {
    Guest killed(room, "second");
    killed.process.signal(SIGKILL);
    CHECK(killed.process.wait().signal == SIGKILL);
  }
  Guest fresh(room, "normal");
  CHECK(fresh.client.read_line() == "* second is gone");
  fresh.client.send_line("/who");
  CHECK(fresh.client.read_line() == "* normal");
}

TEST_CASE("chat: a room that cannot be entered is told") {
  const Result result = run({USHER_PROGRAMS "/chat", "/nowhere/chat.db"});
  CHECK(result.ending.code == 1);
  CHECK(result.output.starts_with("ERR "));
}
