// The program orders: several at one file, as several users have it.
#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>

#include "tests/support/accounts.h"
#include "tests/support/client.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

// A user at the program, over a connection.
struct User {
  explicit User(const std::string& file, const std::string& account = "") : User(make_stream_pair(), file, account) {}
  User(std::pair<usher::UniqueFd, usher::UniqueFd> pair, const std::string& file, const std::string& account)
      : client(std::move(pair.first)),
        process(command(file, account), {.input_fd = pair.second.get(), .output_fd = pair.second.get()}) {
    CHECK(client.read_line() == "READY");
  }
  static std::vector<std::string> command(const std::string& file, const std::string& account) {
    const std::vector<std::string> plain{USHER_PROGRAMS "/orders", file};
    return account.empty() ? plain : command_as(account, plain);
  }
  std::string ask(const std::string& line) {
    client.send_line(line);
    return client.read_line();
  }

  Client client;
  Process process;
};

}  // namespace

TEST_CASE("orders: the most urgent first, among equals the oldest") {
  const TemporaryDirectory directory;
  User user(directory.path("orders.db"));
  for (const char* order : {"add 50 bread", "add 05 six eggs", "add 50 milk"}) CHECK(user.ask(order) == "OK");
  CHECK(user.ask("list") == "ORDER 05 six eggs");
  CHECK(user.client.read_line() == "ORDER 50 bread");
  CHECK(user.client.read_line() == "ORDER 50 milk");
  CHECK(user.client.read_line() == "END");
  for (const char* order : {"ORDER 05 six eggs", "ORDER 50 bread", "ORDER 50 milk"}) {
    CHECK(user.ask("next") == order);
    CHECK(user.ask("done") == "OK");
  }
  CHECK(user.ask("next") == "NOTHING");
  user.client.send_line("quit");
  CHECK(user.process.wait().code == 0);
}

TEST_CASE("orders: who is killed in the middle leaves the order to another, who finishes it") {
  const TemporaryDirectory directory;
  User first(directory.path("orders.db"));
  User second(directory.path("orders.db"));
  CHECK(first.ask("add 10 eggs") == "OK");
  CHECK(first.ask("next") == "ORDER 10 eggs");
  CHECK(second.ask("next") == "NOTHING");
  second.client.send_line("next 30");
  first.process.signal(SIGKILL);
  CHECK(second.client.read_line() == "ORDER 10 eggs");
  CHECK(second.ask("done") == "OK");
  User third(directory.path("orders.db"));
  CHECK(third.ask("next") == "NOTHING");
}

TEST_CASE("orders: the end of the connection gives an order back, and so does back") {
  const TemporaryDirectory directory;
  User first(directory.path("orders.db"));
  User second(directory.path("orders.db"));
  first.ask("add 10 eggs");
  CHECK(first.ask("next") == "ORDER 10 eggs");
  first.client.close();
  CHECK(first.process.wait().code == 0);
  CHECK(second.ask("next") == "ORDER 10 eggs");
  CHECK(second.ask("back") == "OK");
  CHECK(second.ask("next") == "ORDER 10 eggs");
}

TEST_CASE("orders: users with ids of their own share the orders") {
  if (single_uid()) return;
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
  User first(directory.path("orders.db"), "normal");
  User second(directory.path("orders.db"), "second");
  CHECK(first.ask("add 10 eggs") == "OK");
  CHECK(second.ask("next") == "ORDER 10 eggs");
  CHECK(second.ask("done") == "OK");
}

TEST_CASE("orders: what it does not understand it refuses, and goes on") {
  const TemporaryDirectory directory;
  User user(directory.path("orders.db"));
  for (const char* line : {"", "fetch", "add", "add 5 eggs", "add xx eggs", "add 05", "add 05 ", "next soon", "next -1",
                           "next 3601", "done", "back"}) {
    CAPTURE(line);
    CHECK(user.ask(line).starts_with("ERR "));
  }
  user.ask("add 10 eggs");
  user.ask("next");
  CHECK(user.ask("next").starts_with("ERR "));
  CHECK(user.ask("done") == "OK");
}
