// One value of a TOML file, taken as its kind wants it. What does not fit becomes an objection: a clause that follows
// the name of the key ("login_tries of listener "a" is 0"), and what to write instead.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/configuration_faults.h"
#include "base/configuration_kinds.h"
#include "base/toml.h"

namespace usher {

struct Objection {
  toml::source_position at;
  std::string clause;
  std::string remedy;  // empty: write what the kind's shape says
};
using Objections = std::vector<Objection>;

// "a text", "a whole number", ...
std::string_view type_words(const toml::node& node);

// Each sets `into` and adds nothing to `wrong`, or leaves `into` as it is.
void take(const Flag& kind, const toml::node& node, bool& into, Objections& wrong);
void take(const Duration& kind, const toml::node& node, std::chrono::milliseconds& into, Objections& wrong);
void take(const Size& kind, const toml::node& node, std::uint64_t& into, Objections& wrong);
void take(const Words& kind, const toml::node& node, std::string& into, Objections& wrong);
void take(const WordList& kind, const toml::node& node, std::vector<std::string>& into, Objections& wrong);
void take(const Files& kind, const toml::node& node, std::vector<std::string>& into, Objections& wrong);
void take(const CommandLine& kind, const toml::node& node, std::vector<std::string>& into, Objections& wrong);
void take(const Variables& kind, const toml::node& node, std::vector<std::pair<std::string, std::string>>& into,
          Objections& wrong);

// The number when it is one and within its bounds.
std::optional<std::int64_t> taken_number(const Number& kind, const toml::node& node, Objections& wrong);
// The text when it is one.
std::optional<std::string> taken_text(const toml::node& node, Objections& wrong);

// The bounds in the table are within the range of the member.
template <std::integral Integer>
void take(const Number& kind, const toml::node& node, Integer& into, Objections& wrong) {
  if (const auto number = taken_number(kind, node, wrong)) into = static_cast<Integer>(*number);
}

template <class Enum, std::size_t N>
void take(const Choice<Enum, N>& kind, const toml::node& node, Enum& into, Objections& wrong) {
  const auto text = taken_text(node, wrong);
  if (!text) return;
  for (const auto& word : kind.words) {
    if (word.text != *text) continue;
    into = word.value;
    return;
  }
  wrong.push_back({node.source().begin, "is " + quoted(*text), {}});
}

}  // namespace usher
