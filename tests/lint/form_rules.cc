// How files look.
#include <algorithm>
#include <array>

#include "tests/lint/rules.h"

namespace usher::lint {
namespace {

constexpr std::size_t kMaxLines = 500;

// In two pieces: this file must pass, too.
constexpr std::array<std::string_view, 4> kNotes{
    "TO"
    "DO",
    "FIX"
    "ME",
    "XX"
    "X",
    "HA"
    "CK"};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// As a word of its own: "mkstemp(...XXXXXX)" has none.
bool has_word(std::string_view line, std::string_view word) {
  for (std::size_t at = line.find(word); at != std::string_view::npos; at = line.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_letter(line[at - 1])) && (end == line.size() || !is_letter(line[end]))) return true;
  }
  return false;
}

// Documents explain at length; code, scripts and build files are taken apart before they get long.
bool may_be_long(std::string_view path) {
  return path.ends_with(".md");
}

bool is_guarded(std::string_view text) {
  return text.find("\n#pragma once\n") != std::string_view::npos ||
         (text.find("\n#ifndef ") != std::string_view::npos && text.find("\n#define ") != std::string_view::npos);
}

}  // namespace

Faults check_header_openings(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    if (!is_header(file.path)) continue;
    const std::string_view text = file.text;
    if (!text.starts_with("//") && !text.starts_with("/*")) {
      faults.push_back(at_line(file, 1, "a header opens with what it is about"));
    }
    if (!is_guarded(text)) faults.push_back(at_line(file, 1, "neither #pragma once nor a guard"));
  }
  return faults;
}

Faults check_file_lengths(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    const std::size_t lines = lines_of(file.text).size();
    if (lines <= kMaxLines || may_be_long(file.path)) continue;
    faults.push_back(at_line(file, lines, "more than " + std::to_string(kMaxLines) + " lines"));
  }
  return faults;
}

Faults check_left_over_notes(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    std::size_t number = 0;
    for (const std::string_view line : lines_of(file.text)) {
      ++number;
      for (const std::string_view note : kNotes) {
        if (has_word(line, note))
          faults.push_back(at_line(file, number, "unfinished by its own words: " + std::string(note)));
      }
    }
  }
  return faults;
}

Faults check_blanks(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    const bool tabs_are_syntax = file.path.ends_with(".scd");  // lists and indented text of man pages
    std::size_t number = 0;
    for (const std::string_view line : lines_of(file.text)) {
      ++number;
      if (!tabs_are_syntax && line.find('\t') != std::string_view::npos) faults.push_back(at_line(file, number, "a tab"));
      if (line.ends_with(' ') || line.ends_with('\r')) faults.push_back(at_line(file, number, "blanks at its end"));
    }
    if (!file.text.empty() && !file.text.ends_with('\n'))
      faults.push_back(at_line(file, number, "no line end at its end"));
  }
  return faults;
}

}  // namespace usher::lint
