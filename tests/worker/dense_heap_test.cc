#include "worker/dense_heap.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/support/skip.h"

namespace {

std::uintptr_t place_of(const std::unique_ptr<char[]>& memory) {
  return reinterpret_cast<std::uintptr_t>(memory.get());
}

}  // namespace

TEST_CASE("dense heap: what is asked for after the holes were filled lies behind all that was there before") {
  SKIP_UNLESS(!usher::testing::kSanitized, "a sanitizer has an allocator of its own");
  std::vector<std::unique_ptr<char[]>> there;
  there.reserve(3000);
  for (std::size_t i = 0; i < 2000; ++i) there.push_back(std::make_unique<char[]>(16 + i * 7 % 3000));
  std::uintptr_t last = 0;
  for (const auto& one : there) last = std::max(last, place_of(one));
  for (std::size_t i = 0; i < there.size(); i += 2) there[i].reset();
  usher::fill_heap_holes();
  bool behind = true;
  for (std::size_t size = 16; size < 4000; size += 24) {
    there.push_back(std::make_unique<char[]>(size));
    behind = behind && place_of(there.back()) > last;
  }
  CHECK(behind);
}

TEST_CASE("dense heap: what is asked for after guard_heap() begins with a page, and the end it names stays mapped") {
  SKIP_UNLESS(!usher::testing::kSanitized, "a sanitizer has an allocator of its own");
  const auto page = static_cast<std::uintptr_t>(::getpagesize());
  for (std::size_t odd = 1; odd < 300; odd += 24) {
    usher::fill_heap_holes();
    const std::unique_ptr<char[]> before = std::make_unique<char[]>(odd);
    const auto end = reinterpret_cast<std::uintptr_t>(usher::guard_heap());
    REQUIRE(end != 0);
    CHECK(end % page == 0);
    std::unique_ptr<char[]> after = std::make_unique<char[]>(2000);
    CHECK(place_of(after) >= end);
    CHECK(place_of(after) < end + page);
    after.reset();
    ::malloc_trim(0);
    CHECK(reinterpret_cast<std::uintptr_t>(::sbrk(0)) >= end);
  }
}

TEST_CASE("dense heap: the room left in it is had without a system call") {
  SKIP_UNLESS(!usher::testing::kSanitized, "a sanitizer has an allocator of its own");
  constexpr std::size_t kRoom = std::size_t{48} * 1024;
  usher::fill_heap_holes();
  usher::leave_room_in_heap(kRoom);
  const auto* const begin = static_cast<const char*>(usher::end_of_used_heap());
  void* const end = ::sbrk(0);
  CHECK(begin + kRoom <= static_cast<const char*>(end));
  const std::unique_ptr<char[]> taken = std::make_unique<char[]>(kRoom - 1000);
  CHECK(taken.get() >= begin);
  CHECK(::sbrk(0) == end);
}
