#include "worker/common_ranges.h"

#include <unistd.h>

#include <cerrno>

#include "base/memory_map.h"
#include "tls/gathered_memory.h"

namespace usher {
namespace {

std::size_t address_of(const void* place) { return reinterpret_cast<std::size_t>(place); }  // NOLINT: an address

// `end` may lie within a page: that is left out.
PageRange range_between(std::size_t begin, std::size_t end) {
  const auto page = static_cast<std::size_t>(::getpagesize());
  return {reinterpret_cast<char*>(begin), (end - begin) / page * page};  // NOLINT(performance-no-int-to-ptr)
}

// From libc's variables of this thread to the thread's own record.
PageRange thread_data() {
  const auto page = static_cast<std::size_t>(::getpagesize());
  const std::size_t begin = address_of(&errno) / page * page;
  const std::size_t end = (address_of(__builtin_thread_pointer()) / page + 1) * page;
  return begin < end ? range_between(begin, end) : range_between(begin, begin);
}

}  // namespace

std::vector<PageRange> common_ranges(const void* heap_end) {
  if (heap_end == nullptr) return {};
  const std::size_t end = address_of(heap_end);
  std::vector<PageRange> ranges{tls::gathered_memory(), thread_data()};
  for (const Mapping& mapping : data_of({"usher-", "libc.so", "libcrypto.so", "libpam.so", "libssl.so", "ld-linux"})) {
    ranges.push_back(range_between(mapping.begin, mapping.end));
  }
  for (const Mapping& mapping : memory_map()) {
    if (mapping.begin < end && end <= mapping.end) ranges.push_back(range_between(mapping.begin, end));
  }
  return ranges;
}

}  // namespace usher
