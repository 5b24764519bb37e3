// Large pages of a process, as the kernel counts them.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>

#include "tests/support/temporary_directory.h"

namespace usher::testing {

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

// Whether this kernel makes one when it is asked to. Source: madvise(2), MADV_COLLAPSE.
inline bool has_large_pages() {
  constexpr int kCollapse = 25;
  void* const room = ::mmap(nullptr, 2 * kLargePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return false;
  char* const page = static_cast<char*>(room) + (kLargePage - reinterpret_cast<std::uintptr_t>(room) % kLargePage);
  *page = 1;
  const bool made = ::madvise(page, kLargePage, kCollapse) == 0;
  ::munmap(room, 2 * kLargePage);
  return made;
}

// How many the mapping that begins there has. Source: proc_pid_smaps(5), AnonHugePages.
inline std::size_t large_pages_of(pid_t pid, std::size_t begin) {
  std::istringstream maps(read_file("/proc/" + std::to_string(pid) + "/smaps"));
  std::ostringstream start;
  start << std::hex << begin << '-';
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.find(' ') > line.find('-')) here = line.starts_with(start.str());
    if (here && line.starts_with("AnonHugePages:")) return std::stoul(line.substr(14)) * 1024 / kLargePage;
  }
  return 0;
}

}  // namespace usher::testing
