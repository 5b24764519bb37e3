#include "base/configuration_report.h"

#include <doctest/doctest.h>

#include "tests/base/configuration_support.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

ConfigurationResult result_with(const std::vector<std::pair<Severity, std::string>>& faults) {
  ConfigurationResult result = parse_configuration(source_of(kGood));
  for (const auto& [severity, file] : faults) result.faults.push_back({severity, file, 1, 1, "m", "r"});
  return result;
}

}  // namespace

TEST_CASE("report: the summary counts what is wrong, or what is there") {
  using enum Severity;
  CHECK(summary_text(result_with({})) == "configuration is good: 1 listener, 1 pool, 1 program");
  CHECK(summary_text(result_with({{warning, "a"}, {warning, "b"}})) ==
        "configuration is good: 1 listener, 1 pool, 1 program, 2 warnings");
  CHECK(summary_text(result_with({{error, "a"}})) == "1 error in 1 file");
  CHECK(summary_text(result_with({{error, "a"}, {error, "b"}, {warning, "a"}, {error, "a"}})) ==
        "3 errors, 1 warning in 2 files");
}

TEST_CASE("report: faults of reading, parsing and the machine come together, one a line") {
  const TemporaryDirectory directory;
  const std::string main =
      directory.write("usher.toml", "[server]\nminimum_uid = -1\n[pool.p]\npam_service = \"gone\"\n");
  const std::string other = directory.write("programs.d/x.toml", "", 0666);
  const LoadedConfiguration loaded = load_configuration(main);
  CHECK_FALSE(loaded.result.ok());
  const std::string text = faults_text(loaded.result.faults);
  CHECK(text.starts_with(other + ": error: its group or others may write to it; chmod go-w it\n"));
  CHECK(text.find(main + ":2:15: error: minimum_uid of [server] is -1; ") != text.npos);
  CHECK(text.find(main + ":4:15: error: pool \"p\" has no PAM service \"/etc/pam.d/gone\"") != text.npos);
  CHECK(text.ends_with("\n"));
}

TEST_CASE("report: a main file that is not there is the one fault") {
  const LoadedConfiguration loaded = load_configuration("/no/such/usher.toml");
  REQUIRE(loaded.result.faults.size() == 1);
  CHECK(summary_text(loaded.result) == "1 error in 1 file");
}
