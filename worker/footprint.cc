#include "worker/footprint.h"

#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace usher {
namespace {

constexpr std::size_t kPage = 4096;  // a larger page is asked for in pieces, and has what was asked for

// A larger heap holds a large configuration, which nobody writes to; what is free stands behind it.
constexpr std::size_t kMostHeap = 160 << 10;

// One line of /proc/self/maps.
struct Mapping {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string mode;
  std::string name;

  bool is_written() const { return mode == "rw-p"; }
  bool is_of(std::string_view file) const { return std::string_view(name).substr(name.rfind('/') + 1).starts_with(file); }
};

Mapping parse(const std::string& line) {
  Mapping mapping;
  std::istringstream words(line);
  char dash = 0;
  std::string offset;
  std::string device;
  std::string inode;
  words >> std::hex >> mapping.begin >> dash >> mapping.end >> mapping.mode >> offset >> device >> inode >> mapping.name;
  return mapping;
}

}  // namespace

Footprint::Footprint() {
  std::ifstream maps("/proc/self/maps");
  bool follows_data = false;  // what has no name there is the rest of a file's data
  for (std::string line; std::getline(maps, line);) {
    const Mapping mapping = parse(line);
    const bool is_rest = follows_data && mapping.name.empty();
    follows_data = mapping.is_written() && (mapping.is_of("usher-") || mapping.is_of("libc.so"));
    const bool is_heap = mapping.is_written() && mapping.name == "[heap]";
    const std::size_t size = mapping.end - mapping.begin;
    if (follows_data || is_rest) data_.push_back({mapping.begin, size});
    if (is_heap) data_.push_back({mapping.end - std::min(size, kMostHeap), std::min(size, kMostHeap)});
  }
}

void Footprint::take_data() const noexcept {
  for (const Range& range : data_) take(range);
}

void Footprint::take_stack(std::size_t bytes) noexcept {
  const auto here = reinterpret_cast<std::size_t>(__builtin_frame_address(0)) & ~(kPage - 1);  // NOLINT: an address
  take({here - bytes, bytes + kPage});
}

void Footprint::take(const Range& range) noexcept {
  ::madvise(reinterpret_cast<void*>(range.begin), range.size, MADV_POPULATE_WRITE);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace usher
