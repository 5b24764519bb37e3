#include "worker/common_ranges.h"

#include <unistd.h>

#include "base/memory_map.h"
#include "tls/gathered_memory.h"

namespace usher {
namespace {

// `end` may lie within a page: that is left out.
PageRange range_between(std::size_t begin, std::size_t end) {
  const auto page = static_cast<std::size_t>(::getpagesize());
  return {reinterpret_cast<char*>(begin), (end - begin) / page * page};  // NOLINT(performance-no-int-to-ptr)
}

}  // namespace

std::vector<PageRange> common_ranges(const void* heap_end) {
  const auto end = reinterpret_cast<std::size_t>(heap_end);  // NOLINT: an address
  std::vector<PageRange> ranges{tls::gathered_memory()};
  for (const Mapping& mapping : data_of({"usher-", "libc.so", "libcrypto.so", "libpam.so", "libssl.so", "ld-linux"})) {
    ranges.push_back(range_between(mapping.begin, mapping.end));
  }
  for (const Mapping& mapping : memory_map()) {
    if (mapping.begin < end && end <= mapping.end) ranges.push_back(range_between(mapping.begin, end));
  }
  return ranges;
}

}  // namespace usher
