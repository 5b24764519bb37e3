// Code on large pages, for a program that forks.
//
// Why:    the page tables of a file are not copied by a fork: each process maps the code that it runs anew, fault by fault. A large
//         page is a single entry, and a fork copies that.
// Model:  a copy of the code in memory of its own takes the place of the file's pages, as readable, as executable, and as little to be
//         written as they were. There is room for it where the program was linked for large pages (-z max-page-size). Where there is none,
//         or the kernel gives no large page, everything stays as it is.
// Source: madvise(2), MADV_COLLAPSE (Linux 6.1); mremap(2).
#pragma once

#include "base/memory_map.h"

namespace usher {

// Whether it lies on large pages now. It begins where one begins, and behind it nothing is mapped up to the end of its last one.
bool move_to_large_pages(const Mapping& code);

// The same for the code of this program itself.
bool move_own_code_to_large_pages();

}  // namespace usher
