#include "worker/pool_lineage.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace usher {
namespace {

constexpr int kMostGenerations = 256;

// The nth number of the line that begins with `name`. Process names cannot forge one: the kernel escapes their line
// ends.
template <class Number>
std::optional<Number> number_of(std::string_view status, std::string_view name, int nth = 0) {
  const std::size_t line = status.find(name);
  if (line == std::string_view::npos) return std::nullopt;
  std::string_view rest = status.substr(line + name.size());
  Number number{};
  for (int i = 0; i <= nth; ++i) {
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc()) return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
  return number;
}

}  // namespace

std::optional<ProcessFacts> facts_of_process(pid_t pid) {
  const UniqueFd file(::open(("/proc/" + std::to_string(pid) + "/status").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 2048> bytes{};
  const ssize_t size = file ? ::read(file.get(), bytes.data(), bytes.size()) : -1;
  if (size <= 0) return std::nullopt;
  const std::string_view status(bytes.data(), static_cast<std::size_t>(size));
  const auto parent = number_of<pid_t>(status, "\nPPid:");
  const auto real = number_of<uid_t>(status, "\nUid:");
  const auto effective = number_of<uid_t>(status, "\nUid:", 1);
  if (!parent || !real || !effective) return std::nullopt;
  return ProcessFacts{*parent, *real, *effective};
}

pid_t worker_above(pid_t pid, uid_t user, const std::function<bool(pid_t)>& is_worker) {
  auto facts = facts_of_process(pid);
  if (!facts || facts->effective != user) return 0;
  uid_t owner = user;  // of the job: whoever runs right below the worker
  for (int i = 0; facts && i < kMostGenerations && pid > 1; ++i) {
    if (is_worker(pid)) return user == 0 || user == owner ? pid : 0;
    owner = facts->real;
    pid = facts->parent;
    facts = facts_of_process(pid);
  }
  return 0;
}

}  // namespace usher
