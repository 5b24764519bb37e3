// Links in documents: [text](path#heading), to files and headings of this repository.
#include <algorithm>
#include <filesystem>

#include "tests/lint/rules.h"

namespace usher::lint {
namespace {

struct Link {
  std::string path;     // empty: the document itself
  std::string heading;  // empty: none
};

bool leads_outside(std::string_view target) {
  return target.find("://") != std::string_view::npos || target.starts_with("mailto:");
}

// The targets of a line's links, but for those between backticks.
std::vector<std::string> targets_in(std::string_view line) {
  std::vector<std::string> targets;
  bool quoted = false;
  for (std::size_t at = 0; at + 1 < line.size(); ++at) {
    if (line[at] == '`') quoted = !quoted;
    if (quoted || line.substr(at, 2) != "](") continue;
    const std::size_t end = line.find(')', at);
    if (end != std::string_view::npos) targets.emplace_back(line.substr(at + 2, end - at - 2));
  }
  return targets;
}

Link parse(const std::string& target) {
  const std::size_t hash = std::min(target.find('#'), target.size());
  return {target.substr(0, hash), target.substr(std::min(hash + 1, target.size()))};
}

// As the usual renderers name a heading: "## 5.1 Programs and commands" -> "51-programs-and-commands".
std::string name_of_heading(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of("# "), line.size()));
  std::string name;
  for (const char c : line) {
    if (c >= 'A' && c <= 'Z')
      name += static_cast<char>(c - 'A' + 'a');
    else if (c == ' ')
      name += '-';
    else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || (c & 0x80) != 0)
      name += c;
  }
  return name;
}

bool has_heading(const SourceFile& file, const std::string& heading) {
  const auto lines = lines_of(file.text);
  return std::any_of(lines.begin(), lines.end(),
                     [&](std::string_view line) { return line.starts_with('#') && name_of_heading(line) == heading; });
}

const SourceFile* find(const SourceTree& tree, const std::string& path) {
  const auto at = std::find_if(tree.begin(), tree.end(), [&](const SourceFile& file) { return file.path == path; });
  return at == tree.end() ? nullptr : &*at;
}

bool is_folder(const SourceTree& tree, const std::string& path) {
  const std::string start = path.ends_with('/') ? path : path + "/";
  return std::any_of(tree.begin(), tree.end(), [&](const SourceFile& file) { return file.path.starts_with(start); });
}

bool resolves(const SourceTree& tree, const SourceFile& document, const Link& link) {
  const auto folder = std::filesystem::path(document.path).parent_path();
  const std::string path = link.path.empty() ? document.path : (folder / link.path).lexically_normal().string();
  const SourceFile* file = find(tree, path);
  if (file == nullptr) return link.heading.empty() && is_folder(tree, path);
  return link.heading.empty() || has_heading(*file, link.heading);
}

void check_document(const SourceTree& tree, const SourceFile& document, Faults& faults) {
  std::size_t number = 0;
  bool fenced = false;
  for (const std::string_view line : lines_of(document.text)) {
    ++number;
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced) continue;
    for (const std::string& target : targets_in(line)) {
      if (leads_outside(target) || resolves(tree, document, parse(target))) continue;
      faults.push_back(at_line(document, number, "the link " + target + " leads nowhere"));
    }
  }
}

}  // namespace

Faults check_links(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    if (file.path.ends_with(".md")) check_document(tree, file, faults);
  }
  return faults;
}

}  // namespace usher::lint
