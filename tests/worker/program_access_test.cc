#include "worker/program_access.h"

#include <doctest/doctest.h>

#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher;
namespace account = usher::testing::account;

namespace {

Account named(std::string_view name) {
  const auto found = find_account(std::string(name));
  REQUIRE(found);
  return *found;
}

ProgramConfig program(std::vector<std::string> users, std::vector<std::string> groups,
                      std::vector<std::string> deny_users = {}, std::vector<std::string> deny_groups = {}) {
  ProgramConfig config;
  config.name = "p";
  config.users = std::move(users);
  config.groups = std::move(groups);
  config.deny_users = std::move(deny_users);
  config.deny_groups = std::move(deny_groups);
  return config;
}

}  // namespace

TEST_CASE("access: with neither users nor groups nobody may") {
  SKIP_UNLESS(testing::in_private_etc(), "needs the test accounts");
  CHECK_FALSE(may_run(program({}, {}), named(account::kNormal)));
  CHECK_FALSE(may_run(program({}, {}), named(account::kRoot)));
}

TEST_CASE("access: a listed user, everybody, and members of a group by any kind of membership may") {
  SKIP_UNLESS(testing::in_private_etc(), "needs the test accounts");
  CHECK(may_run(program({"normal"}, {}), named(account::kNormal)));
  CHECK_FALSE(may_run(program({"second"}, {}), named(account::kNormal)));
  CHECK(may_run(program({"*"}, {}), named(account::kSecond)));
  CHECK(may_run(program({}, {"clerks"}), named(account::kNormal)));
  CHECK(may_run(program({}, {"clerks"}), named(account::kPrimary)));
  CHECK_FALSE(may_run(program({}, {"nobodies", "no-such-group"}), named(account::kNormal)));
  CHECK(may_run(program({}, {"many21099"}), named(account::kManyGroups)));
}

TEST_CASE("access: deny lists win") {
  SKIP_UNLESS(testing::in_private_etc(), "needs the test accounts");
  CHECK_FALSE(may_run(program({"*"}, {}, {"normal"}), named(account::kNormal)));
  CHECK(may_run(program({"*"}, {}, {"normal"}), named(account::kSecond)));
  CHECK_FALSE(may_run(program({"second"}, {}, {}, {"trainees"}), named(account::kSecond)));
  CHECK_FALSE(may_run(program({"normal"}, {"clerks"}, {"*"}), named(account::kNormal)));
}

TEST_CASE("access: words are split at blanks and tabs, without quoting") {
  CHECK(split_words("").empty());
  CHECK(split_words(" \t ").empty());
  CHECK(split_words("echo") == std::vector<std::string>{"echo"});
  CHECK(split_words("  files  SEND\t\"a b\" ") == std::vector<std::string>{"files", "SEND", "\"a", "b\""});
}

TEST_CASE("access: unknown, forbidden, and arguments where none are taken are the same answer") {
  SKIP_UNLESS(testing::in_private_etc(), "needs the test accounts");
  Configuration configuration;
  auto plain = program({"normal"}, {});
  auto with_arguments = plain;
  with_arguments.name = "q";
  with_arguments.arguments = true;
  configuration.programs = {plain, with_arguments};
  const Account normal = named(account::kNormal);
  CHECK(find_program(configuration, normal, {"p"}) == &configuration.programs[0]);
  CHECK(find_program(configuration, normal, {"q", "a", "b"}) == &configuration.programs[1]);
  CHECK(find_program(configuration, normal, {"p", "a"}) == nullptr);
  CHECK(find_program(configuration, normal, {"r"}) == nullptr);
  CHECK(find_program(configuration, normal, {}) == nullptr);
  CHECK(find_program(configuration, named(account::kSecond), {"p"}) == nullptr);
}
