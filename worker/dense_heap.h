// Where the memory of a process that forks comes from: once in order, what its children need of their own lies close
// together, and each page that they write is a page of their own no more often than it must be.
#pragma once

#include <cstddef>

namespace usher {

// Takes, for good, all free memory between what is in use; what is asked for from here on comes in one piece.
void fill_heap_holes();

// Takes, for good, what is left of the last page of a heap without holes, and says where that ends: what lies before it is never
// given back to the kernel, what is asked for from here on begins with a page. Null with another allocator than libc's.
const void* guard_heap();

// So many bytes (less than 64 K) can be asked for from here on before the heap has to grow.
void leave_room_in_heap(std::size_t bytes);

// Where the memory begins that was never asked for. Null with another allocator than libc's.
const void* end_of_used_heap();

}  // namespace usher
