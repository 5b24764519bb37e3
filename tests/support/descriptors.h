// Counts the open descriptors of this process: every test that moves descriptors counts them before and after.
#pragma once

#include <dirent.h>

#include <cstddef>

namespace usher::testing {

inline std::size_t open_descriptors() {
  DIR* directory = opendir("/proc/self/fd");
  std::size_t count = 0;
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

}  // namespace usher::testing
