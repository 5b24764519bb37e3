#include "tests/dataqueue/failing_disk.h"

#include <sqlite3.h>

#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace usher::testing {
namespace {

constexpr std::size_t kSector = 512;

struct Change {
  std::size_t offset = 0;
  std::string bytes;     // of a write
  bool resizes = false;  // to `offset`
};

struct Disk {
  std::string synced;
  std::vector<Change> since;
};

std::mutex mutex;
std::map<std::string, Disk> disks;  // by path

struct File {
  sqlite3_file base;  // what SQLite sees of it
  Disk* disk;         // null for files that are not of a library
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& file_of(sqlite3_file* file) {
  return *reinterpret_cast<File*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
  return file_of(file).real();
}
sqlite3_vfs* usual() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  return vfs;
}

void put(std::string& bytes, std::size_t offset, std::string_view written) {
  if (bytes.size() < offset + written.size()) bytes.resize(offset + written.size());
  bytes.replace(offset, written.size(), written);
}

void enact(std::string& bytes, const Change& change) {
  if (change.resizes)
    bytes.resize(change.offset);
  else
    put(bytes, change.offset, change.bytes);
}

void enact_torn(std::string& bytes, const Change& change, std::mt19937& random) {
  for (std::size_t at = 0; at < change.bytes.size(); at += kSector) {
    if (random() % 2 == 0) put(bytes, change.offset + at, std::string_view(change.bytes).substr(at, kSector));
  }
}

std::string after_loss(const Disk& disk, std::mt19937& random) {
  std::string bytes = disk.synced;
  for (const Change& change : disk.since) {
    const auto fate = random() % 3;
    if (fate == 0) continue;
    if (fate == 1 || change.resizes)
      enact(bytes, change);
    else
      enact_torn(bytes, change, random);
  }
  return bytes;
}

void note(File& file, Change change) {
  if (file.disk == nullptr) return;
  const std::lock_guard lock(mutex);
  file.disk->since.push_back(std::move(change));
}

int write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  const int result = real(file)->pMethods->xWrite(real(file), data, size, offset);
  if (result == SQLITE_OK) {
    note(file_of(file), {static_cast<std::size_t>(offset),
                         std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)), false});
  }
  return result;
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int result = real(file)->pMethods->xTruncate(real(file), size);
  if (result == SQLITE_OK) note(file_of(file), {static_cast<std::size_t>(size), {}, true});
  return result;
}

// What is written while the sync runs may miss it.
int sync(sqlite3_file* file, int flags) {
  Disk* disk = file_of(file).disk;
  std::size_t covered = 0;
  if (disk != nullptr) {
    const std::lock_guard lock(mutex);
    covered = disk->since.size();
  }
  const int result = real(file)->pMethods->xSync(real(file), flags);
  if (result != SQLITE_OK || disk == nullptr) return result;
  const std::lock_guard lock(mutex);
  covered = std::min(covered, disk->since.size());
  const auto end = disk->since.begin() + static_cast<std::ptrdiff_t>(covered);
  for (auto change = disk->since.begin(); change != end; ++change) enact(disk->synced, *change);
  disk->since.erase(disk->since.begin(), end);
  return result;
}

int close(sqlite3_file* file) {
  return real(file)->pMethods->xClose(real(file));
}
int read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), data, size, offset);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved(sqlite3_file* file, int* out) {
  return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
int file_control(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}
int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

constexpr sqlite3_io_methods kMethods{.iVersion = 2,
                                      .xClose = close,
                                      .xRead = read,
                                      .xWrite = write,
                                      .xTruncate = truncate,
                                      .xSync = sync,
                                      .xFileSize = file_size,
                                      .xLock = lock,
                                      .xUnlock = unlock,
                                      .xCheckReservedLock = check_reserved,
                                      .xFileControl = file_control,
                                      .xSectorSize = sector_size,
                                      .xDeviceCharacteristics = characteristics,
                                      .xShmMap = shm_map,
                                      .xShmLock = shm_lock,
                                      .xShmBarrier = shm_barrier,
                                      .xShmUnmap = shm_unmap,
                                      .xFetch = nullptr,
                                      .xUnfetch = nullptr};

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What is there before the first open is on the disk.
Disk* disk_at(const char* path) {
  const std::lock_guard lock(mutex);
  const auto found = disks.find(path);
  if (found != disks.end()) return &found->second;
  return &disks.emplace(path, Disk{content_of(path), {}}).first->second;
}

int open(sqlite3_vfs* /*vfs*/, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  File& opened = file_of(file);
  opened.base.pMethods = nullptr;
  opened.disk = nullptr;
  const int result = usual()->xOpen(usual(), name, opened.real(), flags, flags_out);
  if (opened.real()->pMethods == nullptr) return result;
  if (name != nullptr && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) opened.disk = disk_at(name);
  opened.base.pMethods = &kMethods;
  return result;
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) throw std::runtime_error("write " + path);
}

}  // namespace

const char* failing_disk_vfs() {
  static const char* const kName = "failing-disk";
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs made = *usual();
    made.pNext = nullptr;
    made.zName = kName;
    made.szOsFile = static_cast<int>(sizeof(File)) + usual()->szOsFile;
    made.xOpen = open;
    return made;
  }();
  sqlite3_vfs_register(&vfs, 0);
  return kName;
}

void lose_power(const std::string& path, const std::string& target, std::mt19937& random) {
  const std::lock_guard lock(mutex);
  write_file(target, after_loss(disks.at(path), random));
  write_file(target + "-wal", after_loss(disks[path + "-wal"], random));
}

}  // namespace usher::testing
