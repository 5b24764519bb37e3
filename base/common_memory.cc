#include "base/common_memory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/system.h"
#include "base/unique_fd.h"

namespace usher {
namespace {

struct Kept {
  PageRange range;
  const char* as_it_was;
};

// Lies itself in memory that is kept: complete before that is copied.
struct Common {
  std::vector<Kept> kept;
  char* view = nullptr;  // of the file
  std::size_t size = 0;
  std::size_t page = 0;
  int error_number = 0;
};
Common common;

void copy_to(const UniqueFd& file, const PageRange& range) {
  std::size_t done = 0;
  while (done < range.size) {
    done += static_cast<std::size_t>(check(::write(file.get(), range.begin + done, range.size - done), "keep memory"));
  }
}

void map_from(const UniqueFd& file, const Kept& kept) {
  void* const place = ::mmap(kept.range.begin, kept.range.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file.get(),
                             kept.as_it_was - common.view);
  if (place == MAP_FAILED) throw_errno("map memory that is kept");
}

bool is_as_it_was(const Kept& kept, std::size_t offset) noexcept {
  return ::memcmp(kept.range.begin + offset, kept.as_it_was + offset, common.page) == 0;
}

// Nothing is written meanwhile but this stack.
void give_back(const Kept& kept) noexcept {
  std::size_t begin = 0;
  for (std::size_t here = 0; here <= kept.range.size; here += common.page) {
    if (here < kept.range.size && is_as_it_was(kept, here)) continue;
    if (here > begin) ::madvise(kept.range.begin + begin, here - begin, MADV_DONTNEED);
    begin = here + common.page;
  }
}

}  // namespace

void keep_common_memory(const std::vector<PageRange>& ranges) {
  for (const PageRange& range : ranges) common.size += range.size;
  common.error_number = errno;
  common.page = static_cast<std::size_t>(::getpagesize());
  const UniqueFd file(check(::memfd_create("usher-common", MFD_CLOEXEC | MFD_ALLOW_SEALING), "make a file of memory"));
  void* const view = ::mmap(nullptr, common.size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (view == MAP_FAILED) throw_errno("look at memory that is kept");
  common.view = static_cast<char*>(view);
  const char* next = common.view;
  for (const PageRange& range : ranges) {
    common.kept.push_back({range, next});
    next += range.size;
  }
  for (const Kept& kept : common.kept) copy_to(file, kept.range);
  check(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), "seal memory that is kept");
  for (const Kept& kept : common.kept) map_from(file, kept);
}

void give_common_memory_back() noexcept {
  if (common.view == nullptr) return;
  errno = common.error_number;  // what differed last, in many a process
  for (const Kept& kept : common.kept) give_back(kept);
  ::madvise(common.view, common.size, MADV_DONTNEED);  // forgetting it would be one more page that is written
}

}  // namespace usher
