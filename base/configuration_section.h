// Reads one section of a file by the rows of its table: every row's value, refused values, keys without a row.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/configuration_faults.h"
#include "base/configuration_table.h"
#include "base/configuration_take.h"
#include "base/toml.h"

namespace usher {

// What reading a file adds to.
struct Findings {
  FaultList& faults;
  Places& places;
  std::size_t file;

  Place at(const toml::source_position& position) const { return {file, position.line, position.column}; }
};

// The word of `known` that `word` is a slip of the pen away from; empty when there is none.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known);

template <class Keys>
std::vector<std::string_view> names_of(const Keys& keys) {
  std::vector<std::string_view> names;
  table::for_each_key(keys, [&](const auto& key) { names.push_back(key.name); });
  return names;
}

template <class Section, class Keys>
const Section& presets(const Keys& keys);

// The default stands in the table as it would stand in a file, and is read the same way.
template <class Key, class Value>
void take_preset(const Key& key, Value& into) {
  const toml::table holder = toml::parse("preset = " + std::string(key.preset.text));
  Objections none;
  take(key.kind, *holder.get("preset"), into, none);
}
template <class Section, class Value, class Rows>
void take_preset(const table::Key<Section, Value, Group<Rows>>& key, Value& into) {
  into = presets<Value>(key.kind.keys);
}

// A section in which nothing is given: the defaults; required keys are empty.
template <class Section, class Keys>
const Section& presets(const Keys& keys) {
  static const Section made = [&] {
    Section section{};
    table::for_each_key(keys, [&](const auto& key) {
      if (!key.preset.required) take_preset(key, section.*(key.member));
    });
    return section;
  }();
  return made;
}

class SectionReader {
 public:
  // `path` as in Places; `label` as faults call it: `listener "generic"`.
  SectionReader(const toml::table& from, std::string path, std::string label, Findings findings);

  template <class Section, class Keys>
  void read(const Keys& keys, Section& into) {
    refuse_unknown(names_of(keys));
    table::for_each_key(keys, [&](const auto& key) {
      into.*(key.member) = presets<Section>(keys).*(key.member);
      read_key(key, into.*(key.member));
    });
  }

  // For a key that not every section of its kind must have.
  void demand(std::string_view name, const std::string& example) {
    if (from_.get(name) == nullptr) refuse_missing(name, example);
  }

 private:
  template <class Key, class Value>
  void read_key(const Key& key, Value& into) {
    const std::string example = std::string(key.name) + " = " + std::string(key.preset.text);
    const toml::node* node = from_.get(key.name);
    if (node == nullptr) {
      if (key.preset.required && key.preset.always) refuse_missing(key.name, example);
      return;
    }
    findings_.places.put(path_of(key.name), findings_.at(node->source().begin));
    Objections wrong;
    take_value(key, *node, into, wrong);
    refuse(key.name, wrong, "write " + shape_of(key.kind) + ", for example " + example);
  }

  template <class Key, class Value>
  void take_value(const Key& key, const toml::node& node, Value& into, Objections& wrong) {
    take(key.kind, node, into, wrong);
  }
  template <class Section, class Value, class Rows>
  void take_value(const table::Key<Section, Value, Group<Rows>>& key, const toml::node& node, Value& into,
                  Objections& wrong) {
    if (const toml::table* group = node.as_table()) {
      SectionReader(*group, path_of(key.name), std::string(key.name) + " of " + label_, findings_)
          .read(key.kind.keys, into);
    } else {
      wrong.push_back({node.source().begin, "is " + std::string(type_words(node)), {}});
    }
  }

  std::string path_of(std::string_view key) const { return path_ + "/" + std::string(key); }
  void refuse_unknown(const std::vector<std::string_view>& known);
  void refuse_missing(std::string_view name, const std::string& example);
  void refuse(std::string_view name, const Objections& wrong, const std::string& remedy);

  const toml::table& from_;
  std::string path_;
  std::string label_;
  Findings findings_;
};

}  // namespace usher
