#include "base/configuration_manual.h"

#include <doctest/doctest.h>

#include "tests/base/configuration_support.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

const std::string kSource = USHER_SOURCE_ROOT;

}  // namespace

TEST_CASE("manual: the shipped usher.toml is the one that the table makes") {
  CAPTURE("usher-config-reference --sample > etc/usher.toml");
  CHECK(read_file(kSource + "/etc/usher.toml") == sample_configuration());
}

TEST_CASE("manual: the shipped configuration has one listener and one pool and no fault") {
  const ConfigurationSource source =
      source_of(sample_configuration(), read_file(kSource + "/etc/programs.d/echo.toml"));
  const ConfigurationResult result = parse_configuration(source);
  CHECK(lines_of(result.faults) == std::vector<std::string>{});
  REQUIRE(result.configuration.listeners.size() == 1);
  CHECK(result.configuration.listeners[0].name == "generic");
  CHECK(result.configuration.listeners[0].address == "127.0.0.1:4000");
  CHECK(result.configuration.pools.size() == 1);
}

TEST_CASE("manual: what the sample shows as a comment is the default") {
  std::string all_given;
  std::string sample = sample_configuration();
  for (std::size_t end = 0; (end = sample.find('\n')) != sample.npos; sample.erase(0, end + 1)) {
    std::string line = sample.substr(0, end + 1);
    if (line.starts_with("#") && !line.starts_with("# ")) line.erase(0, 1);
    all_given += line;
  }
  const ConfigurationResult given = parse_configuration(source_of(all_given));
  CHECK(faults_of(source_of(all_given)).empty());
  const ConfigurationResult not_given = parse_configuration(
      source_of("[[listener]]\nname = \"generic\"\naddress = \"127.0.0.1:4000\"\npool = \"generic\"\n[pool.generic]\n"
                "[program.NAME]\ncommand = [\"/bin/cat\"]\n"));
  CHECK(given.configuration.server.state_directory == not_given.configuration.server.state_directory);
  CHECK(given.configuration.listeners[0].keepalive == not_given.configuration.listeners[0].keepalive);
  CHECK(given.configuration.pools[0].maximum == not_given.configuration.pools[0].maximum);
  CHECK(given.configuration.programs[0].environment == not_given.configuration.programs[0].environment);
  CHECK(given.configuration.programs[0].limits.memory_bytes == not_given.configuration.programs[0].limits.memory_bytes);
}

TEST_CASE("manual: every key is in the sample and in the reference") {
  const std::string sample = sample_configuration();
  const std::string reference = key_reference();
  const auto check_key = [&](const KeyText& key) {
    CAPTURE(key.name);
    CHECK(sample.find(key.name + " = " + key.preset) != sample.npos);
    CHECK(reference.find("*" + key.name + "* (") != reference.npos);
  };
  for (const SectionText& section : configuration_keys()) {
    for (const KeyText& key : section.keys) {
      check_key(key);
      for (const KeyText& member : key.members) check_key(member);
    }
  }
}

TEST_CASE("manual: the shipped files of programs have no fault") {
  for (const char* name : {"echo.toml", "sql.toml", "hello.toml.in", "files.toml.in", "drop.toml.in"}) {
    CAPTURE(name);
    std::string text = read_file(kSource + "/etc/programs.d/" + name);
    const std::size_t placeholder = text.find("@programs@");
    if (placeholder != text.npos) text.replace(placeholder, 10, "/usr/libexec/usher");
    const ConfigurationResult result = parse_configuration(source_of(sample_configuration(), text));
    CHECK(lines_of(result.faults) == std::vector<std::string>{});
    CHECK(result.configuration.programs.size() == 1);
  }
}
