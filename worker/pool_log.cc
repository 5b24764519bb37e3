#include "worker/pool_log.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/log.h"

namespace usher {
namespace {

constexpr std::string_view kFull = "\n[usher: the log is full; what follows is not kept]\n";

}  // namespace

std::string job_log_path(const std::string& state_directory, const JobId& id) {
  return state_directory + "/logs/" + id.hex() + ".log";
}

// Not blocking: the flag is the pipe's own, and nobody else reads it.
JobLog::JobLog(EventLoop& loop, const std::string& state_directory, const JobId& id, UniqueFd pipe, WhenFull when)
    : path_(job_log_path(state_directory, id)), pipe_(std::move(pipe)), when_full_(when) {
  ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
  watch_ = loop.watch(pipe_.get(), EPOLLIN, [this](std::uint32_t) { drain(); });
}

void JobLog::finish() {
  for (int rounds = 0; rounds < 64 && drain(); ++rounds) {
  }
  watch_.end();
}

bool JobLog::drain() {
  std::array<char, 65'536> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
  const ssize_t got = ::read(pipe_.get(), bytes.data(), bytes.size());
  if (got > 0) write(bytes.data(), static_cast<std::size_t>(got));
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) watch_.end();
  return got > 0;
}

// A log that cannot be written is missing, and the program goes on.
void JobLog::write(const char* bytes, std::size_t size) {
  if (size_ >= kMaxJobLog) return;
  if (!file_) {
    file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    struct stat status {};
    if (file_ && ::fstat(file_.get(), &status) == 0) size_ = status.st_size;  // begun by a pool before this one
    if (!file_) log::error("job_log_not_written", {{"path", path_}});
  }
  if (when_full_ == WhenFull::begin_again && size_ + static_cast<off_t>(size) > kMaxJobLog) begin_again();
  const auto room = static_cast<std::size_t>(std::max<off_t>(kMaxJobLog - size_, 0));
  const std::size_t kept = std::min(size, room);
  if (!file_ || ::write(file_.get(), bytes, kept) < 0) size_ = kMaxJobLog;
  size_ += static_cast<off_t>(kept);
  if (size_ >= kMaxJobLog && file_ && ::write(file_.get(), kFull.data(), kFull.size()) < 0) file_.reset();
}

void JobLog::begin_again() {
  if (!file_ || ::ftruncate(file_.get(), 0) != 0) return;
  size_ = 0;
}

}  // namespace usher
