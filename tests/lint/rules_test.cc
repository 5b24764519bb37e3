// Each rule finds what it is there to find.
#include "tests/lint/rules.h"

#include <doctest/doctest.h>

using namespace usher::lint;

namespace {

std::string only(const Faults& faults) {
  return faults.size() == 1 ? faults.front() : std::to_string(faults.size());
}

}  // namespace

TEST_CASE("lint: comments and literals are no code, and lines stay where they were") {
  CHECK(code_of("a; // execv\nb;") == "a;         \nb;");
  CHECK(code_of("/* x\ny */c") == "    \n    c");
  CHECK(code_of("f(\"a\\\"b\") + '\"' + g") == "f(      ) +     + g");
  CHECK(code_of("R\"x(a)\" \")x\" + 1'000 + h") == "             + 1'000 + h");
}

TEST_CASE("lint: an include against the layers is found") {
  CHECK(only(check_layers({{"base/a.cc", "\n#include \"jobs/b.h\"\n"}})).starts_with("base/a.cc:2: "));
  CHECK(only(check_layers({{"server/a.cc", "#include \"tests/support/client.h\"\n"}})).starts_with("server/a.cc:1: "));
  CHECK(check_layers({{"jobs/a.cc", "#include \"jobs/b.h\"\n#include \"dataqueue/c.h\"\n#include \"usher/error.h\"\n"},
                      {"tests/a.cc", "#include \"worker/b.h\"\n"}})
            .empty());
}

TEST_CASE("lint: a database on the root side is found, also by way of other headers") {
  const SourceTree tree{{"worker/worker.cc", "#include \"worker/pool_link.h\"\n"},
                        {"worker/pool_link.h", "#include \"base/middle.h\"\n"},
                        {"base/middle.h", "#include \"jobs/registry.h\"\n"}};
  CHECK(only(check_root_side(tree)) ==
        "worker/worker.cc:1: root runs this, and it reaches jobs/registry.h by way of base/middle.h");
  CHECK(check_root_side({{"worker/pool_main.cc", "#include \"jobs/registry.h\"\n"}}).empty());
}

TEST_CASE("lint: a dangerous call in another file is found, its name in a comment or a longer word is not") {
  CHECK(only(check_calls({{"server/a.cc", "\nif (::setresuid(1, 1, 1)) {}\n"}}))
            .starts_with("server/a.cc:2: setresuid "));
  CHECK(only(check_calls({{"cli/a.cc", "sqlite3_open(x);\n"}})).starts_with("cli/a.cc:1: sqlite3_open "));
  CHECK(only(check_calls({{"cli/a.cc", "std::system(\"ls\");\n"}})).starts_with("cli/a.cc:1: system "));
  CHECK(check_calls({{"cli/a.cc", "// execv\nauto s = \"execv\"; std::system_error e; System system; my_execv();\n"},
                     {"auth/become_user.cc", "setresuid(1, 1, 1);\n"},
                     {"tests/a.cc", "execv(a, b);\n"}})
            .empty());
}

TEST_CASE("lint: files that look wrong are found") {
  CHECK(check_header_openings({{"base/a.h", "#include <x>\n"}}).size() == 2);
  CHECK(check_header_openings(
            {{"base/a.h", "// A.\n#pragma once\n"}, {"include/usher/a.h", "// A.\n#ifndef A\n#define A\n"}})
            .empty());
  std::string lines;
  for (int n = 0; n < 501; ++n) lines += "x\n";
  CHECK(only(check_file_lengths({{"base/a.cc", lines}, {"docs/A.md", lines}})).starts_with("base/a.cc:501: "));
  CHECK(only(check_left_over_notes({{"base/a.cc",
                                     "XXXXXX\n// TO"
                                     "DO: more\n"}}))
            .starts_with("base/a.cc:2: "));
  CHECK(check_blanks({{"base/a.cc", "a \n\tb\nc"}}).size() == 3);
  CHECK(check_blanks({{"docs/man/a.1.scd", "a \n\tb\nc"}}).size() == 2);
}

TEST_CASE("lint: links that lead nowhere are found") {
  const SourceFile readme{"README.md",
                          "[a](docs/A.md) [b](docs/A.md#the-first-one) [c](https://example.org/x) `[d](none)`\n"};
  const SourceFile document{"docs/A.md",
                            "# The first one\n[up](../README.md) [folder](../docs/) [here](#the-first-one)\n"};
  CHECK(check_links({readme, document}).empty());
  CHECK(check_links({readme}).size() == 2);
  CHECK(only(check_links({document, {"README.md", "[x](docs/A.md#second)\n"}})) ==
        "README.md:1: the link docs/A.md#second leads nowhere");
}

TEST_CASE("lint: a rule of data queues without a test case is found") {
  std::string cases = "TEST_CASE_FIXTURE(Fixture,\n                  \"rule 1: on a line of its own\") {\n";
  for (int rule = 2; rule <= 24; ++rule) cases += "TEST_CASE(\"rule " + std::to_string(rule) + ": x\") {\n";
  const std::string last = "TEST_CASE(\"rule 25: x\") {\n";
  CHECK(check_rule_cases({{"tests/dataqueue/a_test.cc", cases}, {"tests/dataqueue/b_test.cc", last}}).empty());
  const std::string fault = "tests/dataqueue: no test case begins with \"rule 25: \"";
  CHECK(only(check_rule_cases({{"tests/dataqueue/a_test.cc", cases}})) == fault);
  CHECK(only(check_rule_cases({{"tests/dataqueue/a_test.cc", cases}, {"tests/cli/b_test.cc", last}})) == fault);
  CHECK(only(check_rule_cases({{"tests/dataqueue/a_test.cc", cases + "// \"rule 25: only spoken of\"\n"}})) == fault);
}
