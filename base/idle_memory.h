// Gives memory back that a process holds and does not use: for those of which there are many, and which mostly wait.
#pragma once

namespace usher {

// Free pages of the heap, and of the stack what is below the caller's frame.
void give_memory_back() noexcept;

}  // namespace usher
