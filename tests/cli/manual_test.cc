// usher(1) and the table of commands say the same.
#include <doctest/doctest.h>

#include <set>

#include "cli/command.h"
#include "cli/command_line.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::string manual() {
  return read_file(std::string(USHER_SOURCE_ROOT) + "/docs/man/usher.1.scd");
}

// The lines "*usher NAME* SYNOPSIS" of the section COMMANDS, without their markup.
std::set<std::string> documented_commands() {
  const std::string text = manual();
  const std::size_t start = text.find("\n# COMMANDS\n");
  const std::string section = text.substr(start, text.find("\n# ", start + 1) - start);
  std::set<std::string> found;
  for (std::size_t at = section.find("\n*usher "); at != section.npos; at = section.find("\n*usher ", at + 1)) {
    std::string line = section.substr(at + 2, section.find('\n', at + 1) - at - 2);
    std::erase(line, '*');
    found.insert(line);
  }
  return found;
}

}  // namespace

TEST_CASE("manual: usher(1) has the commands of the table, each as its usage says, and no other") {
  std::set<std::string> documented = documented_commands();
  for (const Command& command : commands()) {
    const std::string usage = "usher " + std::string(command.name) + " " + std::string(command.synopsis);
    CAPTURE(usage);
    CHECK(documented.erase(usage) == 1);
  }
  for (const std::string& other : documented) FAIL_CHECK("not in the table: " << other);
}

TEST_CASE("manual: usher(1) has every option of every command") {
  const std::string text = manual();
  for (const Command& command : commands()) {
    if (command.options == nullptr) continue;
    for (const Poco::Util::Option& option : command.options()) {
      CAPTURE(option.fullName());
      CHECK(text.find("*--" + option.fullName() + "*") != text.npos);
    }
  }
}
