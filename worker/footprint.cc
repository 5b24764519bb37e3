#include "worker/footprint.h"

#include <sys/mman.h>

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

std::size_t address_of(const void* place) { return reinterpret_cast<std::size_t>(place); }  // NOLINT: an address

std::size_t page_of(const void* place) { return address_of(place) & ~(kPage - 1); }

}  // namespace

Footprint::Footprint(const void* heap_begin, const void* heap_end) {
  if (heap_begin != heap_end) data_.push_back({page_of(heap_begin), page_of(heap_end) + kPage - page_of(heap_begin)});
  std::ifstream maps("/proc/self/maps");
  bool follows_data = false;  // what has no name there is the rest of a file's data
  for (std::string line; std::getline(maps, line);) {
    const Mapping mapping = parse(line);
    const bool is_rest = follows_data && mapping.name.empty();
    follows_data = mapping.is_written() && (mapping.is_of("usher-") || mapping.is_of("libc.so"));
    if (follows_data || is_rest) data_.push_back({mapping.begin, mapping.end - mapping.begin});
  }
}

void Footprint::take_data() const noexcept {
  for (const Range& range : data_) take(range);
}

void Footprint::take_stack(std::size_t bytes) noexcept {
  const std::size_t here = page_of(__builtin_frame_address(0));
  take({here - bytes, bytes + kPage});
}

void Footprint::take(const Range& range) noexcept {
  ::madvise(reinterpret_cast<void*>(range.begin), range.size, MADV_POPULATE_WRITE);  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace usher
