// Shuts this process out of files, TCP, abstract sockets and signals to others, as far as the kernel's Landlock can.
//
// Model:  a process with a system-call filter does not need it; it holds where the filter has to let a call through (openat), and
//         if the filter had a hole. Descriptors that are open stay usable. A kernel without Landlock changes nothing.
// Source: landlock(7).
#pragma once

#include <string>
#include <vector>

namespace usher {

struct OpenFiles {
  std::vector<std::string> read;   // files; those that are there
  std::vector<std::string> write;  // directories: anything in and below them
};

// No file can be opened from here on but those. Needs no_new_privs or CAP_SYS_ADMIN.
// Errors: std::system_error, also when one of them is not there.
void keep_to_files(const OpenFiles& files);

}  // namespace usher
