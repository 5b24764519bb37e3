#include "worker/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/system.h"
#include "base/unique_fd.h"

namespace usher {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const noexcept { closedir(directory); }
};

pid_t number(std::string_view text) {
  pid_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

// The parent, from "PID (NAME) STATE PPID ...": the name may hold anything, so what counts is the last ")".
// 0 for a process that is gone or already a zombie.
pid_t parent_of(const char* pid) {
  const UniqueFd file(::open(("/proc/" + std::string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (got <= 0) return 0;
  std::string_view line(text.data(), static_cast<std::size_t>(got));
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string_view::npos || line.size() < name_end + 4) return 0;
  if (line[name_end + 2] == 'Z') return 0;
  line.remove_prefix(name_end + 4);
  return number(line.substr(0, line.find(' ')));
}

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  const std::unique_ptr<DIR, CloseDirectory> processes(opendir("/proc"));
  if (!processes) throw_errno("read /proc");
  while (const dirent* entry = readdir(processes.get())) {
    const pid_t pid = number(&entry->d_name[0]);
    const pid_t parent = pid > 0 ? parent_of(&entry->d_name[0]) : 0;
    if (parent > 0) children.emplace(parent, pid);
  }
  return children;
}

void reap_all() {
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD; }

}  // namespace

std::vector<pid_t> descendants(const Keep& keep) {
  const auto children = children_by_parent();
  std::vector<pid_t> found;
  const auto add_children_of = [&](pid_t parent, bool direct) {
    const auto [begin, end] = children.equal_range(parent);
    for (auto child = begin; child != end; ++child) {
      if (!direct || !keep(child->second)) found.push_back(child->second);
    }
  };
  add_children_of(getpid(), true);
  for (std::size_t i = 0; i < found.size(); ++i) add_children_of(found[i], false);
  return found;
}

std::size_t kill_descendants(const Keep& keep) {
  const auto doomed = descendants(keep);
  for (const pid_t pid : doomed) ::kill(pid, SIGSTOP);
  for (const pid_t pid : doomed) ::kill(pid, SIGKILL);
  return doomed.size();
}

bool end_all_descendants(Instant deadline) {
  reap_all();
  while (has_children()) {
    if (Clock::now() >= deadline) return false;
    kill_descendants([](pid_t) { return false; });
    const timespec moment{0, 2'000'000};
    nanosleep(&moment, nullptr);
    reap_all();
  }
  return true;
}

bool end_descendants_but(pid_t kept, Instant deadline) {
  if (kept <= 0) return end_all_descendants(deadline);
  while (kill_descendants([&](pid_t child) { return child == kept; }) > 0) {
    if (Clock::now() >= deadline) return false;
    const timespec moment{0, 2'000'000};
    nanosleep(&moment, nullptr);
  }
  return true;
}

}  // namespace usher
