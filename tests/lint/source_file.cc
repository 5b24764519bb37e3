#include "tests/lint/source_file.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace usher::lint {
namespace {

namespace fs = std::filesystem;

// The inputs of the fuzzers, in "corpus", have any form.
bool is_own_folder(const std::string& name) {
  if (name == "subprojects" || name == "corpus") return false;
  return name == ".ci" || (!name.starts_with('.') && !name.starts_with("build"));
}

void add_file(SourceTree& tree, const fs::path& root, const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (text.find('\0') == std::string::npos) tree.push_back({fs::relative(path, root).string(), std::move(text)});
}

// Blanks out [from, to) but for line ends.
void blank(std::string& text, std::size_t from, std::size_t to) {
  for (std::size_t n = from; n < std::min(to, text.size()); ++n) {
    if (text[n] != '\n') text[n] = ' ';
  }
}

std::size_t line_end(std::string_view text, std::size_t at) {
  return std::min(text.find('\n', at), text.size());
}

// Behind `mark`, which is searched for from `at`; the end of the text when it is not there.
std::size_t behind(std::string_view text, std::string_view mark, std::size_t at) {
  const std::size_t found = text.find(mark, at);
  return found == std::string_view::npos ? text.size() : found + mark.size();
}

// Behind the closing quote of the literal whose opening quote stands at `at`.
std::size_t behind_literal(std::string_view text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// Behind a raw literal whose R stands at `at`.
std::size_t behind_raw_literal(std::string_view text, std::size_t at) {
  const std::size_t open = text.find('(', at);
  if (open == std::string_view::npos) return text.size();
  return behind(text, ")" + std::string(text.substr(at + 2, open - at - 2)) + "\"", open);
}

bool is_digit_separator(std::string_view text, std::size_t at) {
  const auto is_alnum = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  return at > 0 && at + 1 < text.size() && is_alnum(text[at - 1]) && is_alnum(text[at + 1]);
}

// Where what starts at `at` ends when it is a comment or a literal, else `at`.
std::size_t behind_what_is_no_code(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("//")) return line_end(text, at);
  if (rest.starts_with("/*")) return behind(text, "*/", at);
  if (rest.starts_with("R\"")) return behind_raw_literal(text, at);
  if (rest.starts_with('"')) return behind_literal(text, at);
  if (rest.starts_with('\'') && !is_digit_separator(text, at)) return behind_literal(text, at);
  return at;
}

}  // namespace

SourceTree read_source_tree(const std::string& root) {
  SourceTree tree;
  for (fs::recursive_directory_iterator entry(root), end; entry != end; ++entry) {
    if (entry->is_directory() && !is_own_folder(entry->path().filename())) entry.disable_recursion_pending();
    if (entry->is_regular_file()) add_file(tree, root, entry->path());
  }
  std::sort(tree.begin(), tree.end(), [](const auto& left, const auto& right) { return left.path < right.path; });
  return tree;
}

std::string at_line(const SourceFile& file, std::size_t line, std::string_view what) {
  return file.path + ":" + std::to_string(line) + ": " + std::string(what);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

bool is_header(std::string_view path) {
  return path.ends_with(".h");
}
bool is_code(std::string_view path) {
  return is_header(path) || path.ends_with(".cc") || path.ends_with(".c");
}
bool is_shipped(std::string_view path) {
  return folder_of(path) != "tests";
}

std::string code_of(std::string_view text) {
  std::string code(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = behind_what_is_no_code(text, at);
    blank(code, at, end);
    at = std::max(end, at + 1);
  }
  return code;
}

}  // namespace usher::lint
