#include "cli/command_line.h"

#include <Poco/Util/Option.h>
#include <doctest/doctest.h>
#include <stdlib.h>

using namespace usher;

namespace {

using Words = std::vector<std::string>;

Poco::Util::OptionSet options() {
  Poco::Util::OptionSet options = configuration_and_json_options();
  options.addOption(Poco::Util::Option("user", "u", "whom", false, "NAME", true).repeatable(true));
  return options;
}

CommandLine parse(const Words& words) {
  return {options(), words};
}

std::string fault_of(const Words& words) {
  try {
    parse(words);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("command line: options come in every usual form, between operands too") {
  for (const Words& words : {Words{"--user", "ada", "x", "--json"}, Words{"--user=ada", "--json", "x"},
                             Words{"x", "-u", "ada", "--json"}, Words{"-uada", "--json", "--", "x"}}) {
    const CommandLine line = parse(words);
    CHECK(line.value("user") == "ada");
    CHECK(line.has("json"));
    CHECK(line.operands() == Words{"x"});
  }
  CHECK_FALSE(parse({}).has("json"));
  CHECK_FALSE(parse({}).value("user"));
}

TEST_CASE("command line: of an option given twice the last counts") {
  CHECK(parse({"--user", "ada", "--user", "bob"}).value("user") == "bob");
}

TEST_CASE("command line: after the free operands everything is an operand") {
  const CommandLine line(options(), Words{"one", "--user", "ada", "two", "--user", "bob", "--unknown", "--"}, 1);
  CHECK(line.value("user") == "ada");
  CHECK(line.operands() == Words{"one", "two", "--user", "bob", "--unknown", "--"});
}

TEST_CASE("command line: what is wrong is told by name") {
  CHECK(fault_of({"--unknown"}) == "Unknown option specified: unknown");
  CHECK(fault_of({"--user"}).starts_with("Missing option argument: user"));
  CHECK(fault_of({"--json=1"}).starts_with("Unexpected option argument: json"));
  CHECK_THROWS_WITH_AS(parse({"a", "b"}).check_operands(0, 1), "unexpected argument \"b\"", UsageError);
  CHECK_THROWS_WITH_AS(parse({}).check_operands(1, 2), "an argument is missing", UsageError);
}

TEST_CASE("command line: the configuration is the option's, else the variable's, else the system's") {
  ::unsetenv("USHER_CONFIG");
  CHECK(parse({}).configuration() == "/etc/usher/usher.toml");
  ::setenv("USHER_CONFIG", "/from/variable", 1);
  CHECK(parse({}).configuration() == "/from/variable");
  CHECK(parse({"--config", "/from/option"}).configuration() == "/from/option");
  ::setenv("USHER_CONFIG", "", 1);
  CHECK(parse({}).configuration() == "/etc/usher/usher.toml");
  ::unsetenv("USHER_CONFIG");
}
