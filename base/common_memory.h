// Memory that forked processes have in common with the one that they come from, and can have in common again.
//
// Why:    a page that a child writes once is its own from then on, even when it soon is as it was: a lock taken and let go, a
//         count raised and lowered. Of many that wait each has a score of them.
// Model:  such memory is put into a file, as it is, and mapped from there: what is not written is the file's, and a page given
//         back is so again. Nobody can write the file.
// Source: mmap(2), MAP_PRIVATE; madvise(2), MADV_DONTNEED; memfd_create(2).
#pragma once

#include <cstddef>
#include <vector>

namespace usher {

// Whole pages.
struct PageRange {
  char* begin;
  std::size_t size;  // bytes
};

// Of this process, and of its children from here on. Once, and for ranges that all of them keep mapped for good. With one thread.
// Errors: std::system_error; then this process has to end.
void keep_common_memory(const std::vector<PageRange>& ranges);

// The pages that are as they were when they were kept. Reads all that is kept: not for every pause. Does nothing where nothing is
// kept.
void give_common_memory_back() noexcept;

}  // namespace usher
