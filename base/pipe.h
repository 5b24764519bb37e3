// A pipe, close-on-exec.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "base/system.h"
#include "base/unique_fd.h"

namespace usher {

struct Pipe {
  UniqueFd read, write;
};

inline Pipe make_pipe() {
  std::array<int, 2> ends{};
  check(::pipe2(ends.data(), O_CLOEXEC), "make a pipe");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace usher
