// What a process has in its memory, as its ptracer or root sees it.
#pragma once

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <sstream>
#include <string>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/support/temporary_directory.h"

namespace usher::testing {

// All that it can read, one region behind the other, but for what the kernel lends to every process and for what an address
// sanitizer notes about the rest.
inline std::string memory_of(pid_t pid) {
  constexpr std::size_t kNotes = std::size_t{1} << 30;  // the sanitizer's regions are larger, and mostly not there
  const std::string process = "/proc/" + std::to_string(pid);
  const UniqueFd memory(check(::open((process + "/mem").c_str(), O_RDONLY | O_CLOEXEC), "open a memory"));
  std::istringstream maps(read_file(process + "/maps"));
  std::string all;
  for (std::string line; std::getline(maps, line);) {
    const std::size_t begin = std::stoul(line, nullptr, 16);
    const std::size_t end = std::stoul(line.substr(line.find('-') + 1), nullptr, 16);
    if (line.find(" r") == line.npos || line.find("[v") != line.npos || end - begin >= kNotes) continue;
    std::string region(end - begin, '\0');
    const ssize_t got = ::pread(memory.get(), region.data(), region.size(), static_cast<off_t>(begin));
    if (got > 0) all.append(region, 0, static_cast<std::size_t>(got));
  }
  return all;
}

}  // namespace usher::testing
