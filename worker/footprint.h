// The memory that a forked process is about to write, made its own in a few system calls.
//
// Why:    a fork write-protects all memory, and a login then writes some fifty pages one fault at a time; the kernel copies a page
//         that it is asked for in a fraction of the time of a fault.
// Model:  found once, in the process that is forked from. What cannot be taken ahead is taken by faults as ever: nothing here
//         can fail.
// Source: madvise(2), MADV_POPULATE_WRITE (Linux 5.14).
#pragma once

#include <cstddef>
#include <vector>

namespace usher {

class Footprint {
 public:
  // Of this process: what the C library's data begins with. What begins as zeros is large, and little of it is used.
  Footprint();
  // And what lies from here to there.
  void add(const void* begin, const void* end);

  void take_data() const noexcept;
  // So many bytes of the stack below the caller.
  static void take_stack(std::size_t bytes) noexcept;

 private:
  struct Range {
    std::size_t begin;
    std::size_t size;
  };
  static void take(const Range& range) noexcept;

  std::vector<Range> data_;
};

}  // namespace usher
