#include "base/memory_map.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace usher {
namespace {

Mapping parse(const std::string& line) {
  Mapping mapping;
  std::istringstream words(line);
  char dash = 0;
  std::string offset;
  std::string device;
  std::string inode;
  words >> std::hex >> mapping.begin >> dash >> mapping.end >> mapping.mode >> offset >> device >> inode >> mapping.name;
  return mapping;
}

}  // namespace

std::vector<Mapping> memory_map() {
  std::vector<Mapping> all;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) all.push_back(parse(line));
  return all;
}

std::vector<Mapping> data_of(const std::vector<std::string_view>& files) {
  std::vector<Mapping> data;
  bool follows_data = false;
  for (const Mapping& mapping : memory_map()) {
    const bool is_rest = follows_data && mapping.is_written() && mapping.name.empty();
    follows_data = mapping.is_written() &&
                   std::any_of(files.begin(), files.end(), [&](std::string_view file) { return mapping.is_of(file); });
    if (follows_data || is_rest) data.push_back(mapping);
  }
  return data;
}

}  // namespace usher
