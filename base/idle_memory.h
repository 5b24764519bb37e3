// Gives memory back that a process holds and does not use: for those of which there are many, and which mostly wait.
#pragma once

namespace usher {

// Free pages of the heap, of the stack what is below the caller's frame, and what is as it was when it was in common with others
// (common_memory.h).
void give_memory_back() noexcept;

}  // namespace usher
