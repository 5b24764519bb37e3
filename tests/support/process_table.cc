#include "tests/support/process_table.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>

namespace usher::testing {
namespace {

std::string proc_file(pid_t pid, const char* name) {
  return "/proc/" + std::to_string(pid) + "/" + name;
}

// Empty when the process is gone, also when it goes between the opening and the reading.
std::string read_proc(pid_t pid, const char* name) try {
  std::ifstream stream(proc_file(pid, name), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
} catch (const std::system_error&) {
  return {};
}

// "12 (name with ) in it) S 1 ...": the name ends at the last parenthesis.
std::optional<ProcessEntry> entry_of(pid_t pid) {
  const std::string line = read_proc(pid, "stat");
  const std::size_t open = line.find('(');
  const std::size_t close = line.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;
  ProcessEntry entry{pid, 0, '?', line.substr(open + 1, close - open - 1)};
  std::istringstream(line.substr(close + 1)) >> entry.state >> entry.parent;
  return entry;
}

bool is_zombie(const ProcessEntry& entry) {
  return entry.state == 'Z' || entry.state == 'X';
}

std::string joined(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ' ');
  if (text.ends_with(' ')) text.pop_back();
  return text;
}

// The text behind "FIELD:", blanks made single.
std::string field_of(const std::string& text, std::string_view field) {
  std::istringstream lines(text);
  const std::string start = std::string(field) + ":";
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(start)) continue;
    std::istringstream words(line.substr(start.size()));
    std::string out;
    for (std::string word; words >> word;) out += (out.empty() ? "" : " ") + word;
    return out;
  }
  return "";
}

}  // namespace

std::vector<ProcessEntry> process_table() {
  std::vector<ProcessEntry> table;
  for (const auto& directory : std::filesystem::directory_iterator("/proc")) {
    const std::string name = directory.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (const auto entry = entry_of(std::stoi(name))) table.push_back(*entry);
  }
  return table;
}

std::vector<ProcessEntry> children_of(pid_t pid) {
  std::vector<ProcessEntry> table = process_table();
  std::erase_if(table, [&](const ProcessEntry& entry) { return entry.parent != pid || is_zombie(entry); });
  return table;
}

std::vector<ProcessEntry> descendants_of(pid_t pid) {
  const std::vector<ProcessEntry> table = process_table();
  std::vector<ProcessEntry> found;
  const auto add_children = [&](pid_t parent) {
    std::copy_if(table.begin(), table.end(), std::back_inserter(found),
                 [&](const ProcessEntry& entry) { return entry.parent == parent; });
  };
  add_children(pid);
  for (std::size_t n = 0; n < found.size(); ++n) add_children(found[n].pid);
  std::erase_if(found, is_zombie);
  return found;
}

bool is_running(pid_t pid) {
  const auto entry = entry_of(pid);
  return entry && !is_zombie(*entry);
}

std::map<int, std::string> descriptors_of(pid_t pid) {
  std::map<int, std::string> found;
  std::error_code gone;
  std::filesystem::directory_iterator entry(proc_file(pid, "fd"), gone);
  for (; !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
    std::error_code closed;
    const auto target = std::filesystem::read_symlink(entry->path(), closed);
    if (!closed) found[std::stoi(entry->path().filename())] = target;
  }
  return found;
}

std::string status_of(pid_t pid, std::string_view field) {
  return field_of(read_proc(pid, "status"), field);
}

std::string command_line_of(pid_t pid) {
  return joined(read_proc(pid, "cmdline"));
}
std::string environment_of(pid_t pid) {
  return joined(read_proc(pid, "environ"));
}

long proportional_memory_kb(pid_t pid) {
  const std::string pss = field_of(read_proc(pid, "smaps_rollup"), "Pss");
  return pss.empty() ? 0 : std::stol(pss);
}

}  // namespace usher::testing
