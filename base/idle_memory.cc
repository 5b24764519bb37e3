#include "base/idle_memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>

namespace usher {
namespace {

constexpr std::uintptr_t kPage = 4096;
constexpr std::uintptr_t kCall = 256;         // what madvise() itself needs of the stack
constexpr std::uintptr_t kDeepest = 1 << 20;  // nothing is mapped so close below a main thread's stack

// Of a main thread, which has no other mapping near: what is not mapped there is no matter.
[[gnu::noinline]] void give_stack_back() noexcept {
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  const std::uintptr_t end = (here - kCall) / kPage * kPage;
  ::madvise(reinterpret_cast<void*>(end - kDeepest), kDeepest, MADV_DONTNEED);  // NOLINT: addresses as numbers
}

}  // namespace

void give_memory_back() noexcept {
  ::malloc_trim(0);
  give_stack_back();
}

}  // namespace usher
