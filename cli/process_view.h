// Processes as /proc shows them to everybody.
// Source: proc(5).
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace usher {

struct ProcessRow {
  pid_t pid = 0;
  pid_t parent = 0;
  std::string name;  // at most 15 bytes of it
};

class ProcessView {
 public:
  // As they are now; a process that has ended and is not yet reaped is none.
  ProcessView();

  const ProcessRow* find(pid_t pid) const;
  std::vector<ProcessRow> children(pid_t parent) const;

 private:
  std::map<pid_t, ProcessRow> rows_;
};

// How many descriptors the process has open; nothing when this user may not know.
std::size_t open_descriptors(pid_t pid);

// Whether somebody listens at an address as `usher status` shows it: "127.0.0.1:4000", "[::1]:4000", "unix:/run/a.sock".
bool is_listening(const std::string& address);

}  // namespace usher
