// Who may include whom.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "tests/lint/rules.h"

namespace usher::lint {
namespace {

// The layer diagram: a folder, and what it may use besides itself and the public headers.
struct Layer {
  std::string_view folder;
  std::string_view uses;
};

constexpr std::array kLayers{
    Layer{"include", ""},
    Layer{"base", ""},
    Layer{"dataqueue", "base"},
    Layer{"jobs", "base dataqueue"},
    Layer{"handover", "base"},
    Layer{"library", "base dataqueue handover"},
    Layer{"auth", "base"},
    Layer{"tls", "base"},
    Layer{"server", "base dataqueue jobs handover auth"},
    Layer{"worker", "base dataqueue jobs handover auth tls"},  // the root side of it: check_root_side
    Layer{"cli", "base dataqueue jobs handover auth tls worker"},
    Layer{"programs", "base"},
};

struct Include {
  std::size_t line;
  std::string path;
};

// Those of the project's own headers: #include "..."; the public ones live below include/.
std::vector<Include> includes_of(const SourceFile& file) {
  constexpr std::string_view kStart = "#include \"";
  std::vector<Include> found;
  std::size_t number = 0;
  for (std::string_view line : lines_of(file.text)) {
    ++number;
    if (!line.starts_with(kStart)) continue;
    line.remove_prefix(kStart.size());
    const std::string path(line.substr(0, line.find('"')));
    found.push_back({number, path.starts_with("usher/") ? "include/" + path : path});
  }
  return found;
}

bool may_use(std::string_view folder, std::string_view other) {
  if (folder == other || other == "include") return true;
  for (const Layer& layer : kLayers) {
    if (layer.folder != folder) continue;
    return (" " + std::string(layer.uses) + " ").find(" " + std::string(other) + " ") != std::string::npos;
  }
  return false;
}

// All of worker/ but the pool. A header of the pool that the root side includes is followed nevertheless.
bool is_run_by_root(std::string_view path) {
  if (folder_of(path) == "auth" || folder_of(path) == "handover" || folder_of(path) == "tls") return is_code(path);
  return folder_of(path) == "worker" && is_code(path) && !path.starts_with("worker/pool");
}

using Graph = std::map<std::string, std::vector<Include>, std::less<>>;

// Adds a fault for each way from `path` to a forbidden folder that does not lead through another such.
void follow(const Graph& graph, const SourceFile& start, const std::string& path, std::set<std::string>& seen,
            Faults& faults) {
  const auto node = graph.find(path);
  if (node == graph.end() || !seen.insert(path).second) return;
  for (const Include& include : node->second) {
    const auto folder = folder_of(include.path);
    if (folder == "dataqueue" || folder == "jobs") {
      faults.push_back(at_line(start, 1, "root runs this, and it reaches " + include.path + " by way of " + path));
    } else {
      follow(graph, start, include.path, seen, faults);
    }
  }
}

}  // namespace

Faults check_layers(const SourceTree& tree) {
  Faults faults;
  for (const SourceFile& file : tree) {
    if (!is_code(file.path) || !is_shipped(file.path)) continue;
    for (const Include& include : includes_of(file)) {
      if (may_use(folder_of(file.path), folder_of(include.path))) continue;
      faults.push_back(at_line(file, include.line, "the layers do not let it include " + include.path));
    }
  }
  return faults;
}

Faults check_root_side(const SourceTree& tree) {
  Graph graph;
  for (const SourceFile& file : tree) {
    if (is_code(file.path)) graph[file.path] = includes_of(file);
  }
  Faults faults;
  for (const SourceFile& file : tree) {
    if (!is_run_by_root(file.path)) continue;
    std::set<std::string> seen;
    follow(graph, file, file.path, seen, faults);
  }
  return faults;
}

}  // namespace usher::lint
