#include "base/large_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace usher {
namespace {

constexpr std::size_t kLargePage = std::size_t{2} << 20;  // of x86-64 and arm64; where they are larger, collapsing fails

std::size_t round_up(std::size_t size) { return (size + kLargePage - 1) / kLargePage * kLargePage; }

void* place_at(std::size_t address) { return reinterpret_cast<void*>(address); }  // NOLINT(performance-no-int-to-ptr)

// Memory for large pages, until it is moved to where it is wanted.
class Room {
 public:
  explicit Room(std::size_t size)
      : size_(size),
        mapped_(::mmap(nullptr, size + kLargePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) {}
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  ~Room() {
    if (mapped_ != MAP_FAILED) ::munmap(mapped_, size_ + kLargePage);  // without what has been moved away
  }

  bool fill(const Mapping& code) {
    if (mapped_ == MAP_FAILED) return false;
    std::memcpy(begin(), place_at(code.begin), code.end - code.begin);
    return ::madvise(begin(), size_, MADV_COLLAPSE) == 0 && ::mprotect(begin(), size_, PROT_READ | PROT_EXEC) == 0;
  }

  bool move_to(std::size_t address) {
    return ::mremap(begin(), size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, place_at(address)) != MAP_FAILED;
  }

 private:
  void* begin() const { return place_at(round_up(reinterpret_cast<std::uintptr_t>(mapped_))); }

  std::size_t size_;
  void* mapped_;
};

bool has_room(const Mapping& code) {
  const std::size_t end = code.begin + round_up(code.end - code.begin);
  const std::vector<Mapping> all = memory_map();
  return code.begin % kLargePage == 0 && std::none_of(all.begin(), all.end(), [&](const Mapping& other) {
           return other.begin >= code.end && other.begin < end;
         });
}

}  // namespace

bool move_to_large_pages(const Mapping& code) {
  if (!has_room(code)) return false;
  Room room(round_up(code.end - code.begin));
  return room.fill(code) && room.move_to(code.begin);
}

bool move_own_code_to_large_pages() {
  const auto here = reinterpret_cast<std::uintptr_t>(&move_own_code_to_large_pages);
  for (const Mapping& mapping : memory_map()) {
    if (mapping.begin <= here && here < mapping.end) return move_to_large_pages(mapping);
  }
  return false;
}

}  // namespace usher
