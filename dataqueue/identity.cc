#include "dataqueue/identity.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <vector>

#include "dataqueue/new_file.h"

namespace usher {
namespace {

std::atomic<JobSource> job_source{nullptr};

std::string look_up(uid_t uid) {
  std::vector<char> buffer(16'384);
  passwd account{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &account, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return std::to_string(uid);
  return account.pw_name;
}

std::string user_name(uid_t uid) {
  static std::mutex mutex;
  static std::map<uid_t, std::string> known;
  const std::lock_guard lock(mutex);
  const auto found = known.find(uid);
  return found != known.end() ? found->second : known.emplace(uid, look_up(uid)).first->second;
}

std::string program_name() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return "unknown";
  std::string name(path.data(), static_cast<std::size_t>(length));
  return name.substr(name.rfind('/') + 1);
}

std::string job_of_process() {
  const JobSource source = job_source;
  if (source != nullptr) {
    if (auto job = source()) return std::move(*job);
  }
  return std::to_string(::getpid()) + "/" + user_name(::getuid()) + "/" + program_name();
}

}  // namespace

void set_job_source(JobSource source) {
  job_source = source;
}

Sender current_sender() {
  static std::mutex mutex;
  static std::string job;
  static pid_t of_process = 0;
  const std::lock_guard lock(mutex);
  if (of_process != ::getpid()) {
    job = job_of_process();
    of_process = ::getpid();
  }
  return {job, user_name(::geteuid())};
}

}  // namespace usher
