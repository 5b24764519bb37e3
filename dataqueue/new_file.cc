#include "dataqueue/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/system.h"
#include "dataqueue/file_error.h"

namespace usher {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

NewFile::NewFile(std::string path, mode_t mode) : path_(std::move(path)) {
  fd_.reset(::open(directory_of(path_).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
  if (fd_ || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)) {
    if (!fd_) throw_file_error("make " + path_);
    return;
  }
  temporary_ = path_ + ".new-" + std::to_string(::getpid());
  fd_.reset(::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd_) throw_file_error("make " + path_);
}

NewFile::~NewFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = retry([&] { return ::write(fd(), bytes.data(), bytes.size()); });
    if (written < 0) throw_file_error("write " + path_);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void NewFile::set_access(mode_t mode, gid_t group) {
  // Who is not of the group keeps his own: the file serves him alone then, as it would have without the library.
  if (::fchown(fd(), static_cast<uid_t>(-1), group) != 0 && errno != EPERM)
    throw_file_error("set the group of " + path_);
  if (::fchmod(fd(), mode) != 0) throw_file_error("set the mode of " + path_);
}

void NewFile::sync() {
  if (::fsync(fd()) != 0) throw_file_error("write " + path_ + " to the disk");
}

bool NewFile::give_name() {
  const std::string from = temporary_.empty() ? "/proc/self/fd/" + std::to_string(fd()) : temporary_;
  if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, path_.c_str(), AT_SYMLINK_FOLLOW) == 0) return true;
  if (errno != EEXIST) throw_file_error("make " + path_);
  return false;
}

}  // namespace usher
