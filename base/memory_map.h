// What this process has mapped where.
//
// Source: proc_pid_maps(5).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace usher {

struct Mapping {
  std::size_t begin = 0;  // addresses
  std::size_t end = 0;
  std::string mode;  // "rw-p"
  std::string name;  // a file's path, "[heap]", or empty

  // Its own to write.
  bool is_written() const { return mode == "rw-p"; }
  // Of a file whose name begins so.
  bool is_of(std::string_view file) const { return std::string_view(name).substr(name.rfind('/') + 1).starts_with(file); }
};

// In order of addresses; empty where there is no /proc.
std::vector<Mapping> memory_map();

// The data of files whose names begin with one of these, with what follows it without a name: the part that begins as zeros.
std::vector<Mapping> data_of(const std::vector<std::string_view>& files);

}  // namespace usher
