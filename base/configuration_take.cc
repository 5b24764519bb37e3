#include "base/configuration_take.h"

#include "base/configuration_values.h"

namespace usher {
namespace {

Objection wrong_type(const toml::node& node) {
  return {node.source().begin, "is " + std::string(type_words(node)), {}};
}

// "is "localhost:4000", which is not numeric", or nothing.
std::optional<Objection> object(const TextRule& rule, const toml::node& node, const std::string& text,
                                std::string_view verb) {
  const std::string_view objection = rule.objection(text);
  if (objection.empty()) return {};
  return Objection{node.source().begin, std::string(verb) + " " + quoted(text) + ", which " + std::string(objection),
                   "write " + std::string(rule.shape)};
}

// The elements that are texts; the others are objected to.
std::vector<std::pair<const toml::node*, std::string>> taken_texts(const toml::array& array, Objections& wrong) {
  std::vector<std::pair<const toml::node*, std::string>> texts;
  for (const toml::node& element : array) {
    if (const auto text = element.value_exact<std::string>()) {
      texts.emplace_back(&element, *text);
    } else {
      wrong.push_back(
          {element.source().begin, "holds " + std::string(type_words(element)), "put each element in quotes"});
    }
  }
  return texts;
}

// The array when it is one of a length within the bounds.
const toml::array* taken_array(const toml::node& node, std::size_t least, std::size_t most, Objections& wrong) {
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    wrong.push_back(wrong_type(node));
  } else if (array->size() < least || array->size() > most) {
    wrong.push_back({node.source().begin, "has " + std::to_string(array->size()) + " elements", {}});
    return nullptr;
  }
  return array;
}

void take_variable(const toml::key& key, const toml::node& node, std::vector<std::pair<std::string, std::string>>& into,
                   Objections& wrong) {
  const std::string name(key.str());
  if (const auto objection = rules::object_to_variable(name); !objection.empty()) {
    const bool ours = objection.starts_with("Usher");
    wrong.push_back({key.source().begin, "names " + quoted(name) + ", which " + std::string(objection),
                     ours ? "leave it out" : "write letters, digits and _, a digit not first"});
    return;
  }
  const auto value = node.value_exact<std::string>();
  if (!value) {
    wrong.push_back(
        {node.source().begin, "sets " + name + " to " + std::string(type_words(node)), "put the value in quotes"});
  } else if (const auto objection = object(kArgument, node, *value, "sets " + name + " to")) {
    wrong.push_back(*objection);
  } else {
    into.emplace_back(name, *value);
  }
}

}  // namespace

std::string_view type_words(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::none: return "nothing";
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "a text";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "a truth value";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time: return "a date or a time";
  }
  return "something else";
}

std::optional<std::string> taken_text(const toml::node& node, Objections& wrong) {
  auto text = node.value_exact<std::string>();
  if (!text) wrong.push_back(wrong_type(node));
  return text;
}

std::optional<std::int64_t> taken_number(const Number& kind, const toml::node& node, Objections& wrong) {
  auto number = node.value_exact<std::int64_t>();
  if (!number) {
    wrong.push_back(wrong_type(node));
  } else if (*number < kind.least || *number > kind.most) {
    wrong.push_back({node.source().begin, "is " + std::to_string(*number), {}});
    number.reset();
  }
  return number;
}

void take(const Flag&, const toml::node& node, bool& into, Objections& wrong) {
  if (const auto flag = node.value_exact<bool>()) {
    into = *flag;
  } else {
    wrong.push_back(wrong_type(node));
  }
}

void take(const Duration& kind, const toml::node& node, std::chrono::milliseconds& into, Objections& wrong) {
  const auto text = taken_text(node, wrong);
  if (!text) return;
  const auto duration = parse_duration(*text);
  if (duration && *duration >= kind.least && *duration <= kind.most) {
    into = *duration;
  } else {
    wrong.push_back({node.source().begin, "is " + quoted(*text), {}});
  }
}

void take(const Size& kind, const toml::node& node, std::uint64_t& into, Objections& wrong) {
  const auto text = taken_text(node, wrong);
  if (!text) return;
  const auto size = parse_size(*text);
  if (size && *size >= kind.least && *size <= kind.most) {
    into = *size;
  } else {
    wrong.push_back({node.source().begin, "is " + quoted(*text), {}});
  }
}

void take(const Words& kind, const toml::node& node, std::string& into, Objections& wrong) {
  const auto text = taken_text(node, wrong);
  if (!text) return;
  if (const auto objection = object(kind.rule, node, *text, "is")) {
    wrong.push_back(*objection);
  } else {
    into = *text;
  }
}

void take(const WordList& kind, const toml::node& node, std::vector<std::string>& into, Objections& wrong) {
  const toml::array* array = taken_array(node, kind.least, kind.most, wrong);
  if (array == nullptr) return;
  const std::size_t before = wrong.size();
  std::vector<std::string> words;
  for (const auto& [element, text] : taken_texts(*array, wrong)) {
    if (const auto objection = object(kind.rule, *element, text, "holds")) wrong.push_back(*objection);
    words.push_back(text);
  }
  if (wrong.size() == before) into = std::move(words);
}

// One path stands for a list of one.
void take(const Files& kind, const toml::node& node, std::vector<std::string>& into, Objections& wrong) {
  if (!node.is_string()) return take(WordList{kFile, 1, kind.most}, node, into, wrong);
  std::string path;
  const std::size_t before = wrong.size();
  take(Words{kFile}, node, path, wrong);
  if (wrong.size() == before) into = {path};
}

void take(const CommandLine& kind, const toml::node& node, std::vector<std::string>& into, Objections& wrong) {
  const toml::array* array = taken_array(node, kind.presence == Presence::required ? 1 : 0, kind.most, wrong);
  if (array == nullptr) return;
  const std::size_t before = wrong.size();
  std::vector<std::string> words;
  for (const auto& [element, text] : taken_texts(*array, wrong)) {
    const bool path = element == array->get(0);
    const auto objection = object(path ? kProgramPath : kArgument, *element, text, path ? "begins with" : "holds");
    if (objection) wrong.push_back(*objection);
    words.push_back(text);
  }
  if (wrong.size() == before) into = std::move(words);
}

void take(const Variables& kind, const toml::node& node, std::vector<std::pair<std::string, std::string>>& into,
          Objections& wrong) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    wrong.push_back(wrong_type(node));
    return;
  }
  if (table->size() > kind.most) {
    wrong.push_back({node.source().begin, "has " + std::to_string(table->size()) + " variables", {}});
    return;
  }
  const std::size_t before = wrong.size();
  std::vector<std::pair<std::string, std::string>> variables;
  for (auto&& [key, value] : *table) take_variable(key, value, variables, wrong);
  if (wrong.size() == before) into = std::move(variables);
}

}  // namespace usher
