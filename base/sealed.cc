#include "base/sealed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/system.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

[[noreturn]] void refuse(const char* why) { throw Error(ErrorCode::protocol, std::string("bytes that were to be sealed ") + why); }

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = check(retry([&] { return ::write(fd, bytes.data(), bytes.size()); }), "write what is sealed");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// From the start, whatever the offset that all holders of the descriptor share.
std::string read_all(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto got = check(
        retry([&] { return ::pread(fd, bytes.data() + done, size - done, static_cast<off_t>(done)); }), "read what is sealed");
    if (got == 0) refuse("end too early");
    done += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

UniqueFd seal_bytes(const char* name, std::string_view bytes) {
  UniqueFd fd(check(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "seal bytes"));
  write_all(fd.get(), bytes);
  check(::fcntl(fd.get(), F_ADD_SEALS, kSeals), "seal bytes");
  return fd;
}

std::string unseal_bytes(int fd, std::size_t most) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals == -1 && errno != EINVAL) throw_errno("look at what is sealed");
  if (seals == -1 || (seals & kSeals) != kSeals) refuse("are not");
  struct stat status {};
  check(::fstat(fd, &status), "look at what is sealed");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > most) refuse("are too many");
  return read_all(fd, size);
}

}  // namespace usher
