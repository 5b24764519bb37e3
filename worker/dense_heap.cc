#include "worker/dense_heap.h"

#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace usher {
namespace {

constexpr std::size_t kLargest = std::size_t{64} * 1024;  // below what malloc takes from elsewhere
constexpr std::size_t kSmall = 1032;         // up to here free memory is kept by size, without being joined
constexpr std::size_t kGranule = 16;
constexpr std::size_t kLeast = 24;
constexpr std::size_t kCached = std::size_t{512} * 1024;  // more than what is free and yet counted as in use: seven of each small size

class Filler {
 public:
  void fill(std::size_t size) {
    while (free_ >= size && takes_a_hole(size)) free_ -= size;
  }

 private:
  // Keeps it, but for a large one that is no hole: what is small would be kept as free, and given to a child.
  bool takes_a_hole(std::size_t size) {
    void* const taken = std::malloc(size);
    seen_ = taken;
    const bool hole = taken != nullptr && reinterpret_cast<std::uintptr_t>(taken) < end_;
    if (!hole && size > kSmall) std::free(taken);
    return hole;
  }

  struct mallinfo2 before_ = ::mallinfo2();
  std::size_t free_ = before_.fordblks + kCached;
  std::uintptr_t end_ = reinterpret_cast<std::uintptr_t>(end_of_used_heap());
  void* volatile seen_ = nullptr;  // a compiler leaves out what nobody looks at
};

}  // namespace

const void* end_of_used_heap() {
  const struct mallinfo2 heap = ::mallinfo2();
  return heap.arena == 0 ? nullptr : static_cast<char*>(::sbrk(0)) - heap.keepcost;
}

const void* guard_heap() {
  const void* const end = end_of_used_heap();
  if (end == nullptr) return nullptr;
  const auto page = static_cast<std::size_t>(::getpagesize());
  const std::size_t rest = page - reinterpret_cast<std::uintptr_t>(end) % page;
  static void* volatile guard;  // a compiler leaves out what nobody looks at
  guard = std::malloc(rest < kLeast ? page + rest - sizeof(std::size_t) : rest - sizeof(std::size_t));
  ::malloc_trim(0);
  return guard == nullptr ? nullptr : end_of_used_heap();
}

void leave_room_in_heap(std::size_t bytes) {
  void* volatile room = std::malloc(bytes);  // a compiler leaves out what nobody looks at
  std::free(room);
}

void fill_heap_holes() {
  if (::mallinfo2().arena == 0) return;  // another allocator than libc's
  Filler filler;
  for (std::size_t size = kLargest; size > kSmall; size -= size / 4) filler.fill(size);
  for (std::size_t size = kSmall; size >= kLeast; size -= kGranule) filler.fill(size);
  ::malloc_trim(0);
}

}  // namespace usher
