// A file that has no name until all of it is there: nobody ever sees one half made, and one whose maker dies is gone.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace usher {

class NewFile {
 public:
  // In the directory of `path`, with `mode` less the umask.
  // Errors: not_authorized, disk_full, read_only, library_not_found (no such directory), io.
  NewFile(std::string path, mode_t mode);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  int fd() const noexcept { return fd_.get(); }
  void write(std::string_view bytes);
  // Mode and group as given, whatever the umask; the group as far as the caller may.
  void set_access(mode_t mode, gid_t group);
  // Writes it to the disk.
  void sync();
  // False when a file of that name is there already.
  bool give_name();

 private:
  std::string path_;
  std::string temporary_;  // where the file system makes no files without a name
  UniqueFd fd_;
};

// The directory part of a path, "." when it has none.
std::string directory_of(const std::string& path);

}  // namespace usher
