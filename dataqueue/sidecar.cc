#include "dataqueue/sidecar.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/system.h"
#include "dataqueue/file_error.h"
#include "dataqueue/new_file.h"

namespace usher {
namespace {

void read_boot_id(char (&boot_id)[40]) {
  const UniqueFd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (!file || ::read(file.get(), boot_id, 36) != 36) throw_file_error("read the boot id");
}

SidecarIdentity identity_for(const struct stat& database) {
  SidecarIdentity identity{};
  identity.layout = kSidecarLayout;
  identity.mutex_bytes = sizeof(RobustMutex);
  read_boot_id(identity.boot_id);
  struct stat pid_namespace {};
  if (::stat("/proc/self/ns/pid", &pid_namespace) != 0) throw_file_error("look at the pid namespace");
  identity.pid_namespace = pid_namespace.st_ino;
  identity.database_device = database.st_dev;
  identity.database_inode = database.st_ino;
  return identity;
}

// Only the database's place differs: it was removed or replaced, and the users of the old one may still be there.
bool same_but_for_database(SidecarIdentity left, const SidecarIdentity& right) {
  left.database_device = right.database_device;
  left.database_inode = right.database_inode;
  return left == right;
}

// Nobody else uses it: who did was another pid namespace, a container before this one. What it left is good.
bool same_but_for_namespace(SidecarIdentity left, const SidecarIdentity& right) {
  left.pid_namespace = right.pid_namespace;
  return left == right;
}

// Zeros where the file is too short.
SidecarIdentity read_identity(int fd) {
  SidecarIdentity found{};
  if (::pread(fd, &found, sizeof found, 0) != static_cast<ssize_t>(sizeof found)) return {};
  return found;
}

UniqueFd open_existing(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!fd && errno != ENOENT) throw_file_error("open " + path);
  return fd;
}

UniqueFd open_or_make(const std::string& path, const struct stat& database) {
  while (true) {
    UniqueFd fd = open_existing(path);
    if (fd) return fd;
    NewFile file(path, 0600);
    file.set_access(database.st_mode & 0666, database.st_gid);
    file.give_name();
  }
}

// The lock of those who look at the file to see whether it is good; ends with the object.
class OpenersLock {
 public:
  explicit OpenersLock(int fd) : fd_(fd) { change(F_WRLCK); }
  OpenersLock(const OpenersLock&) = delete;
  OpenersLock& operator=(const OpenersLock&) = delete;
  ~OpenersLock() { change(F_UNLCK); }

 private:
  void change(short type) const {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_len = 1;
    retry([&] { return ::fcntl(fd_, F_OFD_SETLKW, &lock); });
  }
  int fd_;
};

void allocate(int fd, std::uint32_t slots) {
  const int result = ::posix_fallocate(fd, 0, static_cast<off_t>(sidecar_bytes(slots)));
  if (result != 0) throw_file_error("make room in the sidecar file", result);
}

}  // namespace

Sidecar::Sidecar(const std::string& path, const struct stat& database) : path_(path) {
  while (!open(database)) {
  }
}

Sidecar::~Sidecar() {
  if (layout_ != nullptr) ::munmap(layout_, sizeof(SidecarLayout));
}

// False: the file at the path is another by now.
bool Sidecar::open(const struct stat& database) {
  fd_ = open_or_make(path_, database);
  const OpenersLock openers(fd_.get());
  if (!is_in_place()) return false;
  const SidecarIdentity wanted = identity_for(database);
  if (!is_good(wanted)) {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
      step_aside(wanted);
      return false;
    }
    if (!take_over(wanted)) make(wanted);
  }
  check(::flock(fd_.get(), LOCK_SH), "lock " + path_);
  return true;
}

bool Sidecar::is_good(const SidecarIdentity& wanted) {
  const SidecarIdentity found = read_identity(fd_.get());
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0 || status.st_size < static_cast<off_t>(sidecar_bytes(kFirstSlots))) return false;
  if (!(found == wanted)) return false;
  map();
  return control().complete == 1 && control().abandoned == 0;
}

// The locks of the dead are marked by the kernel, which does not care for namespaces.
bool Sidecar::take_over(const SidecarIdentity& wanted) {
  if (!same_but_for_namespace(read_identity(fd_.get()), wanted)) return false;
  if (!is_good(read_identity(fd_.get()))) return false;
  control().identity.pid_namespace = wanted.pid_namespace;
  return true;
}

// Somebody uses this file. If it is of a library that is gone from its path, these are told, and the next try makes
// another.
void Sidecar::step_aside(const SidecarIdentity& wanted) {
  if (!same_but_for_database(read_identity(fd_.get()), wanted)) {
    throw Error(ErrorCode::busy, "open " + path_ + ": in use by processes of another pid namespace or layout");
  }
  map();
  abandon();
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) throw_file_error("replace " + path_);
}

bool Sidecar::is_in_place() const noexcept {
  struct stat opened {};
  struct stat named {};
  if (::fstat(fd_.get(), &opened) != 0 || ::lstat(path_.c_str(), &named) != 0) return false;
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

// The whole of it is mapped at once; what the file does not have yet is not touched.
void Sidecar::map() {
  if (layout_ != nullptr) ::munmap(std::exchange(layout_, nullptr), sizeof(SidecarLayout));
  void* address = ::mmap(nullptr, sizeof(SidecarLayout), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (address == MAP_FAILED) throw_errno("map the sidecar file");
  layout_ = static_cast<SidecarLayout*>(address);
}

// With nobody else: whoever dies here leaves a file that is not complete.
void Sidecar::make(const SidecarIdentity& identity) {
  if (::ftruncate(fd_.get(), 0) != 0) throw_file_error("empty the sidecar file");
  allocate(fd_.get(), kFirstSlots);
  map();
  Control& made = control();
  made.identity = identity;
  if (::getrandom(&made.epoch, sizeof made.epoch, 0) != sizeof made.epoch) throw_errno("draw a random number");
  made.turn.initialize();
  made.log.initialize();
  made.checkpoint.initialize(RobustMutex::Order::any);
  for (std::uint32_t i = 0; i < kFirstSlots; ++i) layout_->slots[i].life.initialize(RobustMutex::Order::any);
  made.slots = kFirstSlots;
  made.complete.store(1, std::memory_order_release);
}

std::uint32_t Sidecar::slots() const noexcept {
  return std::min(layout_->control.slots.load(), kMaxSlots);
}

void Sidecar::grow() {
  const std::uint32_t now = slots();
  if (now == kMaxSlots) throw Error(ErrorCode::busy, "more than 4,096 waits on one library");
  const std::uint32_t more = std::min(now * 2, kMaxSlots);
  allocate(fd_.get(), more);
  for (std::uint32_t i = now; i < more; ++i) layout_->slots[i].life.initialize(RobustMutex::Order::any);
  control().slots.store(more, std::memory_order_release);
}

void Sidecar::abandon() noexcept {
  control().abandoned = 1;
  for (std::uint32_t i = 0; i < slots(); ++i) {
    layout_->slots[i].word.fetch_add(1);
    futex::wake_all(layout_->slots[i].word);
  }
}

}  // namespace usher
