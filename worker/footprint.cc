#include "worker/footprint.h"

#include <sys/mman.h>

#include "base/memory_map.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace usher {
namespace {

constexpr std::size_t kPage = 4096;  // a larger page is asked for in pieces, and has what was asked for

std::size_t address_of(const void* place) { return reinterpret_cast<std::size_t>(place); }  // NOLINT: an address

std::size_t page_of(const void* place) { return address_of(place) & ~(kPage - 1); }

}  // namespace

Footprint::Footprint() {
  for (const Mapping& mapping : memory_map()) {
    if (mapping.is_written() && mapping.is_of("libc.so")) data_.push_back({mapping.begin, mapping.end - mapping.begin});
  }
}

void Footprint::add(const void* begin, const void* end) {
  if (begin != end) data_.push_back({page_of(begin), page_of(end) + kPage - page_of(begin)});
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
