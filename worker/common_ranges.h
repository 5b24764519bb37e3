// Which memory of the template its workers and their login processes have in common (base/common_memory.h).
#pragma once

#include <vector>

#include "base/common_memory.h"

namespace usher {

// What none of them ever unmaps: the data of this program and of the libraries it is linked with, its thread's, its heap as far as
// `heap_end`, what OpenSSL uses most. Empty without a heap of libc's (`heap_end` is null).
std::vector<PageRange> common_ranges(const void* heap_end);

}  // namespace usher
