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

bool still_at(const std::string& path, int fd) {
  struct stat opened {};
  struct stat named {};
  if (::fstat(fd, &opened) != 0 || ::lstat(path.c_str(), &named) != 0) return false;
  return opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

void allocate(int fd, std::uint32_t slots) {
  const int result = ::posix_fallocate(fd, 0, static_cast<off_t>(sidecar_bytes(slots)));
  if (result != 0) throw_file_error("make room in the sidecar file", result);
}

}  // namespace

Sidecar::Sidecar(const std::string& path, const struct stat& database) {
  while (!open(path, database)) {
  }
}

Sidecar::~Sidecar() {
  if (layout_ != nullptr) ::munmap(layout_, sizeof(SidecarLayout));
}

// False: the file at the path is another by now.
bool Sidecar::open(const std::string& path, const struct stat& database) {
  fd_ = open_or_make(path, database);
  const OpenersLock openers(fd_.get());
  if (!still_at(path, fd_.get())) return false;
  const SidecarIdentity wanted = identity_for(database);
  SidecarIdentity found{};
  const bool readable = ::pread(fd_.get(), &found, sizeof found, 0) == static_cast<ssize_t>(sizeof found);
  struct stat status {};
  const bool whole =
      ::fstat(fd_.get(), &status) == 0 && status.st_size >= static_cast<off_t>(sidecar_bytes(kFirstSlots));
  const bool same = readable && whole && found == wanted;
  if (same) {
    if (layout_ == nullptr) map();
    if (control().complete == 1 && control().abandoned == 0) {
      check(::flock(fd_.get(), LOCK_SH), "lock " + path);
      return true;
    }
  }
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) {
    make(wanted);
    check(::flock(fd_.get(), LOCK_SH), "lock " + path);
    return true;
  }
  if (!readable || !whole || !same_but_for_database(found, wanted)) {
    throw Error(ErrorCode::busy, "open " + path + ": in use by processes of another pid namespace or layout");
  }
  if (layout_ == nullptr) map();
  abandon();
  ::munmap(std::exchange(layout_, nullptr), sizeof(SidecarLayout));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_file_error("replace " + path);
  return false;
}

// The whole of it is mapped at once; what the file does not have yet is not touched.
void Sidecar::map() {
  void* address = ::mmap(nullptr, sizeof(SidecarLayout), PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (address == MAP_FAILED) throw_errno("map the sidecar file");
  layout_ = static_cast<SidecarLayout*>(address);
}

// With nobody else: whoever dies here leaves a file that is not complete.
void Sidecar::make(const SidecarIdentity& identity) {
  if (::ftruncate(fd_.get(), 0) != 0) throw_file_error("empty the sidecar file");
  allocate(fd_.get(), kFirstSlots);
  if (layout_ == nullptr) map();
  Control& made = control();
  made.identity = identity;
  if (::getrandom(&made.epoch, sizeof made.epoch, 0) != sizeof made.epoch) throw_errno("draw a random number");
  made.gate.initialize(RobustMutex::Order::queue);
  made.turn.initialize(RobustMutex::Order::any);
  made.sync.initialize(RobustMutex::Order::any);
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
