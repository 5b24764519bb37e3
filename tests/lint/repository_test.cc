// The repository as it stands, rule by rule.
#include <doctest/doctest.h>

#include "tests/lint/rules.h"
#include "tests/support/process.h"
#include "tests/support/skip.h"

using namespace usher::lint;

namespace {

const SourceTree& repository() {
  static const SourceTree tree = read_source_tree(USHER_SOURCE_ROOT);
  return tree;
}

void expect_none(const Faults& faults) {
  for (const std::string& fault : faults) FAIL_CHECK(fault);
}

bool is_script(const SourceFile& file) {
  return file.text.starts_with("#!/bin/bash") || file.path.ends_with(".sh");
}

}  // namespace

TEST_CASE("repository: it is read whole") {
  CHECK(repository().size() > 50);
}
TEST_CASE("repository: includes point one way") {
  expect_none(check_layers(repository()));
}
TEST_CASE("repository: nothing that root runs reaches a database") {
  expect_none(check_root_side(repository()));
}
TEST_CASE("repository: dangerous calls stand where the table says") {
  expect_none(check_calls(repository()));
}
TEST_CASE("repository: every header opens with its model and is guarded") {
  expect_none(check_header_openings(repository()));
}
TEST_CASE("repository: no file is long") {
  expect_none(check_file_lengths(repository()));
}
TEST_CASE("repository: no notes of unfinished work are left") {
  expect_none(check_left_over_notes(repository()));
}
TEST_CASE("repository: no tabs, no blanks at line ends") {
  expect_none(check_blanks(repository()));
}
TEST_CASE("repository: every rule of data queues has a test that is named after it") {
  expect_none(check_rule_cases(repository()));
}
TEST_CASE("repository: links in documents lead somewhere") {
  expect_none(check_links(repository()));
}

TEST_CASE("repository: shellcheck finds nothing in the scripts") {
  SKIP_UNLESS(usher::testing::run({"/bin/sh", "-c", "command -v shellcheck"}).ending.code == 0,
              "shellcheck is not installed");
  std::vector<std::string> command{"shellcheck", "--external-sources"};
  for (const SourceFile& file : repository()) {
    if (is_script(file)) command.push_back(file.path);
  }
  const auto result = usher::testing::run(command, {.working_directory = USHER_SOURCE_ROOT});
  CHECK(result.output == "");
  CHECK(result.error_output == "");
}
