// Job logs: what programs write to standard error, drained from their pipes into one file a job.
//
// Shape:  state_directory/logs/ID.log, ID in hex; at most kMaxJobLog bytes, then a last line that says so. What comes after that
//         is read and dropped: a program never waits for its log.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/event_loop.h"
#include "base/job_id.h"
#include "base/unique_fd.h"

namespace usher {

inline constexpr off_t kMaxJobLog = 1 << 20;

std::string job_log_path(const std::string& state_directory, const JobId& id);

class JobLog {
 public:
  // What happens at kMaxJobLog bytes: the rest is dropped, or, for a job that never ends, the file is emptied.
  enum class WhenFull { stop, begin_again };
  JobLog(EventLoop& loop, const std::string& state_directory, const JobId& id, UniqueFd pipe, WhenFull when = WhenFull::stop);

  // What is in the pipe now, to the file. The writers are gone: nothing more will come.
  void finish();

 private:
  bool drain();
  void write(const char* bytes, std::size_t size);
  void begin_again();

  std::string path_;
  UniqueFd pipe_;
  UniqueFd file_;
  off_t size_ = 0;
  WhenFull when_full_;
  EventLoop::Watch watch_;
};

}  // namespace usher
