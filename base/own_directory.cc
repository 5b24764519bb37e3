#include "base/own_directory.h"

#include <limits.h>
#include <unistd.h>

#include <array>

#include "base/system.h"

namespace usher {

std::string own_directory() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = check(::readlink("/proc/self/exe", path.data(), path.size()), "find this program's directory");
  const std::string whole(path.data(), static_cast<std::size_t>(length));
  return whole.substr(0, whole.rfind('/') + 1);
}

}  // namespace usher
