// The repository as text, for the rules that no compiler checks.
//
// Shape:  a path is relative to the top of the repository: "base/text.cc".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usher::lint {

struct SourceFile {
  std::string path;
  std::string text;
};

using SourceTree = std::vector<SourceFile>;

// Every text file below `root` that is the project's own, by path: no build folders, no subprojects, nothing hidden but
// .ci.
SourceTree read_source_tree(const std::string& root);

// One line each: "PATH:LINE: what is wrong".
using Faults = std::vector<std::string>;
std::string at_line(const SourceFile& file, std::size_t line, std::string_view what);

// Without their ends; the last one also when it has none.
std::vector<std::string_view> lines_of(std::string_view text);

// "base" of "base/text.cc", "worker" of "worker/worker.cc"; empty for a file at the top.
std::string_view folder_of(std::string_view path);
bool is_header(std::string_view path);
// C++ or C, headers included.
bool is_code(std::string_view path);
// Neither a test nor a helper of tests.
bool is_shipped(std::string_view path);

// C++ with comments and the insides of literals blanked out: as long as before, line for line.
std::string code_of(std::string_view text);

}  // namespace usher::lint
