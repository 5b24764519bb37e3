// The shipped programs that use data queues, run for clients who logged in.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>

#include "tests/end_to_end/installation.h"
#include "tests/end_to_end/room_for_sanitizer.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

std::string program(const std::string& name, const std::string& file) {
  return "[program." + name + "]\ncommand = [\"" USHER_PROGRAMS "/" + name + "\", \"" + file + "\"]\nusers = [\"*\"]\n" +
         kRoomForSanitizer;
}

struct Fixture {
  Fixture() { std::filesystem::permissions(shared.path(), std::filesystem::perms::all); }
  TemporaryDirectory shared;
  Installation usher{
      {.programs = program("chat", shared.path("chat.db")) + program("orders", shared.path("orders.db"))}};

  // Of the program, once it runs.
  pid_t pid_of(const std::string& user) const {
    std::vector<JobRow> rows;
    CHECK(wait_until([&] {
      rows = usher.jobs_with("user", user);
      std::erase_if(rows, [](const JobRow& row) { return row.at("status") != "active"; });
      return rows.size() == 1;
    }));
    return std::stoi(rows.at(0).at("pid"));
  }
};

}  // namespace

TEST_CASE("end to end: users chat as processes of their own, and one that is killed is seen to leave") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs the test accounts");
  const Fixture fixture;
  Client first(fixture.usher.address());
  log_in(first, "normal", "chat");
  CHECK(first.read_line() == "* normal is here");
  Client second(fixture.usher.address());
  log_in(second, "second", "chat");
  CHECK(second.read_line() == "* second is here");
  CHECK(first.read_line() == "* second is here");
  first.send_line("hello");
  CHECK(first.read_line() == "<normal> hello");
  CHECK(second.read_line() == "<normal> hello");
  ::kill(fixture.pid_of("second"), SIGKILL);
  CHECK(first.read_line() == "* second is gone");
  CHECK(second.read_until_closed() == "\r\n902 signal SIGKILL\r\n");
  first.send_line("/quit");
  first.read_until_closed();
}

TEST_CASE("end to end: an order whose worker is killed in the middle is finished by another") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs the test accounts");
  const Fixture fixture;
  Client first(fixture.usher.address());
  log_in(first, "normal", "orders");
  CHECK(first.read_line() == "READY");
  Client second(fixture.usher.address());
  log_in(second, "second", "orders");
  CHECK(second.read_line() == "READY");
  first.send_line("add 05 six eggs");
  CHECK(first.read_line() == "OK");
  first.send_line("next");
  CHECK(first.read_line() == "ORDER 05 six eggs");
  second.send_line("next 30");
  ::kill(fixture.pid_of("normal"), SIGKILL);
  CHECK(second.read_line() == "ORDER 05 six eggs");
  second.send_line("done");
  CHECK(second.read_line() == "OK");
  second.send_line("next");
  CHECK(second.read_line() == "NOTHING");
}
