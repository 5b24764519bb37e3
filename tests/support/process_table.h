// What /proc tells about processes: who descends from whom, what they have open, what they cost.
//
// Model:  each function reads /proc at the moment it is called. A process that went meanwhile is left out of lists;
// asked for
//         by its pid it has no descriptors, no memory and empty texts.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace usher::testing {

struct ProcessEntry {
  pid_t pid;
  pid_t parent;
  char state;        // R, S, Z, ...
  std::string name;  // at most 15 bytes of it
};

// All processes of this machine that can be seen.
std::vector<ProcessEntry> process_table();
// Without zombies.
std::vector<ProcessEntry> children_of(pid_t pid);
// Children, their children and so on, without zombies; parents before their children.
std::vector<ProcessEntry> descendants_of(pid_t pid);
// It exists and is no zombie.
bool is_running(pid_t pid);

// Descriptor -> what it is: "socket:[12]", "/dev/null", "anon_inode:[eventpoll]".
std::map<int, std::string> descriptors_of(pid_t pid);

// One line of /proc/PID/status without its name: status_of(pid, "Uid") -> "0 0 0 0", blanks between.
std::string status_of(pid_t pid, std::string_view field);

// Arguments with a blank between; environment likewise.
std::string command_line_of(pid_t pid);
std::string environment_of(pid_t pid);

// Units: KB. Source: proc(5), smaps_rollup.
long proportional_memory_kb(pid_t pid);

}  // namespace usher::testing
