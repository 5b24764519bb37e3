#include "cli/process_view.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>

#include "base/listen_address.h"

namespace usher {
namespace {

constexpr std::string_view kDigits = "0123456789";
constexpr int kListen = 10;  // TCP_LISTEN

// "PID (NAME) STATE PPID ...": the name may hold anything, so what counts is the last ")".
bool read_row(const std::filesystem::path& directory, ProcessRow& row) {
  std::ifstream file(directory / "stat");
  std::string line;
  if (!std::getline(file, line)) return false;
  const std::size_t begin = line.find('(');
  const std::size_t end = line.rfind(')');
  if (begin == std::string::npos || end == std::string::npos) return false;
  row.pid = static_cast<pid_t>(std::strtol(line.c_str(), nullptr, 10));
  row.name = line.substr(begin + 1, end - begin - 1);
  std::istringstream rest(line.substr(end + 1));
  char state = 0;
  rest >> state >> row.parent;
  return rest && state != 'Z';
}

// As /proc/net/tcp has it: each group of four bytes as one number of this machine, then the port.
std::string as_in_proc(const ListenAddress& address) {
  std::array<std::uint32_t, 4> words{};
  std::size_t count = 1;
  std::uint16_t port = 0;
  if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.storage, sizeof in);
    std::memcpy(words.data(), &in.sin6_addr, sizeof in.sin6_addr);
    count = words.size();
    port = ntohs(in.sin6_port);
  } else {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof in);
    words[0] = in.sin_addr.s_addr;
    port = ntohs(in.sin_port);
  }
  std::ostringstream text;
  text << std::hex << std::uppercase << std::setfill('0');
  for (std::size_t i = 0; i < count; ++i) text << std::setw(8) << words.at(i);
  text << ':' << std::setw(4) << port;
  return text.str();
}

bool listens_in(const char* table, const std::string& address) {
  std::ifstream file(table);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string slot;
    std::string local;
    std::string remote;
    int state = 0;
    fields >> slot >> local >> remote >> std::hex >> state;
    if (local == address && state == kListen) return true;
  }
  return false;
}

bool listens_at_path(const std::string& path) {
  std::ifstream file("/proc/net/unix");
  std::string line;
  while (std::getline(file, line)) {
    if (line.ends_with(" " + path)) return true;
  }
  return false;
}

}  // namespace

ProcessView::ProcessView() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (entry.path().filename().string().find_first_not_of(kDigits) != std::string::npos) continue;
    ProcessRow row;
    if (read_row(entry.path(), row)) rows_[row.pid] = row;
  }
}

const ProcessRow* ProcessView::find(pid_t pid) const {
  const auto found = rows_.find(pid);
  return found == rows_.end() ? nullptr : &found->second;
}

std::vector<ProcessRow> ProcessView::children(pid_t parent) const {
  std::vector<ProcessRow> children;
  for (const auto& [pid, row] : rows_) {
    if (row.parent == parent) children.push_back(row);
  }
  return children;
}

std::size_t open_descriptors(pid_t pid) {
  std::error_code error;
  const std::filesystem::directory_iterator descriptors("/proc/" + std::to_string(pid) + "/fd", error);
  if (error) return 0;
  return static_cast<std::size_t>(std::distance(begin(descriptors), end(descriptors)));
}

bool is_listening(const std::string& address) {
  const auto parsed = parse_listen_address(address);
  if (!parsed) return false;
  if (parsed->is_unix()) return listens_at_path(parsed->path);
  const bool ipv6 = parsed->storage.ss_family == AF_INET6;
  return listens_in(ipv6 ? "/proc/net/tcp6" : "/proc/net/tcp", as_in_proc(*parsed));
}

}  // namespace usher
