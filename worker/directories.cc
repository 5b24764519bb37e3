#include "worker/directories.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>

#include "base/system.h"
#include "usher/error.h"

namespace usher {
namespace {

// Is every name of the path there? Parents are made as anybody's directories are.
void make_parents(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string parent = path.substr(0, slash);
    if (::mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST) throw_errno("make " + parent);
  }
}

UniqueFd open_directory(int at, const std::string& name) {
  return UniqueFd(check(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open " + name));
}

// Ours, and nobody else may change what is in it.
UniqueFd make_own(int at, const std::string& name) {
  if (::mkdirat(at, name.c_str(), 0755) != 0 && errno != EEXIST) throw_errno("make " + name);
  UniqueFd directory = open_directory(at, name);
  struct stat status {};
  check(::fstat(directory.get(), &status), "look at " + name);
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw Error(ErrorCode::not_authorized,
                name + " belongs to another user or can be changed by others: remove it, or correct its owner and mode");
  }
  return directory;
}

// Made here, then given away by its name, which only root can change: it is not opened any more.
void make_for(int at, const std::string& name, const Account& owner, mode_t mode) {
  if (::mkdirat(at, name.c_str(), 0700) != 0 && errno != EEXIST) throw_errno("make " + name);
  struct stat status {};
  check(::fstatat(at, name.c_str(), &status, AT_SYMLINK_NOFOLLOW), "look at " + name);
  if (!S_ISDIR(status.st_mode)) throw Error(ErrorCode::not_authorized, name + " is no directory: remove it");
  if (status.st_uid == owner.uid && status.st_gid == owner.gid && (status.st_mode & 07777) == mode) return;
  check(::fchownat(at, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW), "give " + name + " to " + owner.name);
  check(::fchmodat(at, name.c_str(), mode, 0), "set the mode of " + name);
}

// A lock on the whole file that belongs to the open file, so that it can be asked about without being taken.
struct flock whole_file(short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

void make_directories(const ServerConfig& server, const Account& service_user) {
  make_parents(server.runtime_directory);
  const UniqueFd runtime = make_own(AT_FDCWD, server.runtime_directory);
  static_cast<void>(make_own(runtime.get(), "empty"));
  make_for(runtime.get(), "db", service_user, 0700);
  make_parents(server.state_directory);
  const UniqueFd state = make_own(AT_FDCWD, server.state_directory);
  make_for(state.get(), "db", service_user, 0700);
  make_for(state.get(), "logs", service_user, 0700);
  make_for(state.get(), "queues", service_user, 02770);
}

UniqueFd lock_runtime_directory(const std::string& runtime_directory) {
  const std::string path = runtime_directory + "/lock";
  UniqueFd file(check(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644), "open " + path));
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(file.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES) throw_errno("lock " + path);
    throw Error(ErrorCode::already_exists, "Usher is running already in " + runtime_directory + " (process " +
                                               std::to_string(starter_pid(runtime_directory)) + "); stop it with: usher stop");
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  check(::ftruncate(file.get(), 0), "write " + path);
  check(::pwrite(file.get(), pid.data(), pid.size(), 0), "write " + path);
  return file;
}

pid_t starter_pid(const std::string& runtime_directory) {
  const UniqueFd file(::open((runtime_directory + "/lock").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct flock lock = whole_file(F_WRLCK);
  if (!file || ::fcntl(file.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return 0;
  std::array<char, 16> text{};
  if (::read(file.get(), text.data(), text.size() - 1) <= 0) return 0;
  return static_cast<pid_t>(std::strtol(text.data(), nullptr, 10));
}

}  // namespace usher
