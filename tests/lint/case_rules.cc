// Tests are named after the rules of data queues that they hold to.
#include <charconv>
#include <set>

#include "tests/lint/rules.h"

namespace usher::lint {
namespace {

constexpr int kDataQueueRules = 25;

// 7 of `TEST_CASE("rule 7: ...`, also where the name stands on a line of its own; 0 where no rule is named.
int rule_named_in(std::string_view line) {
  constexpr std::string_view kBegin = "\"rule ";
  const std::size_t at = line.find(kBegin);
  if (at == std::string_view::npos) return 0;
  const std::string_view rest = line.substr(at + kBegin.size());
  int rule = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), rule);
  return error == std::errc{} && rest.substr(static_cast<std::size_t>(end - rest.data())).starts_with(": ") ? rule : 0;
}

// Lines that begin a test case, and the one after where the name has moved there because it is long.
void add_rules_of(const SourceFile& file, std::set<int>& rules) {
  bool name_follows = false;
  for (const std::string_view line : lines_of(file.text)) {
    const bool begins = line.starts_with("TEST_CASE");
    if (begins || name_follows) rules.insert(rule_named_in(line));
    name_follows = begins && line.find('"') == std::string_view::npos;
  }
}

}  // namespace

Faults check_rule_cases(const SourceTree& tree) {
  std::set<int> rules;
  for (const SourceFile& file : tree) {
    if (folder_of(file.path) == "tests" && file.path.starts_with("tests/dataqueue/")) add_rules_of(file, rules);
  }
  Faults faults;
  for (int rule = 1; rule <= kDataQueueRules; ++rule) {
    if (!rules.contains(rule))
      faults.push_back("tests/dataqueue: no test case begins with \"rule " + std::to_string(rule) + ": \"");
  }
  return faults;
}

}  // namespace usher::lint
