// A directory under /tmp that goes, with all that is in it, when the test ends.
//
// Shape:  0755: other users, whom a test may become, can enter it.
#pragma once

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/system.h"

namespace usher::testing {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    check(mkdtemp(path_.data()) == nullptr ? -1 : 0, "mkdtemp " + path_);
    check(::chmod(path_.c_str(), 0755), "chmod " + path_);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const noexcept { return path_; }
  std::string path(std::string_view name) const { return path_ + "/" + std::string(name); }

  // Writes a file, and the directories above it; gives its path.
  std::string write(std::string_view name, std::string_view text, mode_t mode = 0644) const {
    std::string file = path(name);
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream stream(file, std::ios::binary);
    stream.exceptions(std::ios::failbit | std::ios::badbit);
    stream << text << std::flush;
    check(::chmod(file.c_str(), mode), "chmod " + file);
    return file;
  }

 private:
  std::string path_ = "/tmp/usher-test.XXXXXX";
};

// The whole of a file, also of one in /proc; std::system_error when it cannot be opened.
inline std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) throw_errno("open " + path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace usher::testing
