#include "base/configuration_section.h"

#include <algorithm>
#include <array>

namespace usher {
namespace {

// Source: Levenshtein distance, one row at a time.
std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t changed = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, diagonal + 1, changed});
    }
  }
  return row.back();
}

// The heading of another section that has a key of this name; empty when none has.
std::string_view section_with(std::string_view name) {
  std::string_view heading;
  table::for_each_section([&](const table::Section& section, const auto& keys) {
    const auto names = names_of(keys);
    const bool has = std::find(names.begin(), names.end(), name) != names.end();
    if (has && heading.empty()) heading = section.heading;
  });
  return heading;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string list;
  for (const std::string_view word : words) list += (list.empty() ? "" : ", ") + std::string(word);
  return list;
}

std::string remedy_for_unknown(std::string_view name, const std::vector<std::string_view>& known) {
  if (const std::string_view other = nearest(name, known); !other.empty()) {
    return "did you mean " + std::string(other) + "?";
  }
  if (const std::string_view heading = section_with(name); !heading.empty()) {
    return "it belongs in " + std::string(heading);
  }
  return "write one of " + joined(known);
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr std::size_t kMaxWord = 64;  // bounds the work for a hostile one
  std::string_view best;
  if (word.size() > kMaxWord) return best;
  std::size_t least = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < least && distance < candidate.size()) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

SectionReader::SectionReader(const toml::table& from, std::string path, std::string label, Findings findings)
    : from_(from), path_(std::move(path)), label_(std::move(label)), findings_(findings) {
  findings_.places.put(path_, findings_.at(from_.source().begin));
}

void SectionReader::refuse_unknown(const std::vector<std::string_view>& known) {
  for (auto&& [key, node] : from_) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    findings_.faults.error(findings_.at(key.source().begin), label_ + " has an unknown key " + quoted(key.str()),
                           remedy_for_unknown(key.str(), known));
  }
}

void SectionReader::refuse_missing(std::string_view name, const std::string& example) {
  findings_.faults.error(findings_.at(from_.source().begin), label_ + " has no " + std::string(name),
                         "add it, for example " + example);
  findings_.places.refuse(path_of(name));
}

void SectionReader::refuse(std::string_view name, const Objections& wrong, const std::string& remedy) {
  for (const Objection& objection : wrong) {
    findings_.faults.error(findings_.at(objection.at), std::string(name) + " of " + label_ + " " + objection.clause,
                           objection.remedy.empty() ? remedy : objection.remedy);
  }
  if (!wrong.empty()) findings_.places.refuse(path_of(name));
}

}  // namespace usher
