#include "auth/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "base/system.h"
#include "base/unique_fd.h"

namespace usher {
namespace {

// The kernel's struct as of version 6 of its interface, which the headers at hand may not know; shorter for an older kernel.
struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;
  std::uint64_t scope;
};

constexpr std::uint64_t first_bits(unsigned count) { return (std::uint64_t{1} << count) - 1; }

// Bits of access to files that each version knows: 13, then REFER, TRUNCATE, and from the fifth on IOCTL_DEV.
constexpr std::uint64_t file_access(long version) {
  return first_bits(version >= 5 ? 16 : version >= 3 ? 15 : version == 2 ? 14 : 13);
}

constexpr std::size_t size_for(long version) {
  const std::size_t members = version >= 6 ? 3 : version >= 4 ? 2 : 1;
  return members * sizeof(std::uint64_t);
}

long kernel_version() { return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION); }

void allow(int ruleset, const std::string& path, std::uint64_t access) {
  const UniqueFd file(check(::open(path.c_str(), O_PATH | O_CLOEXEC), "open " + path));
  const landlock_path_beneath_attr rule{access, file.get()};
  check(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0), "allow " + path);
}

}  // namespace

void keep_to_files(const OpenFiles& files) {
  const long version = kernel_version();
  if (version < 1) return;
  const std::uint64_t all = file_access(version);
  const Ruleset attributes{all, first_bits(2), first_bits(2)};  // bind and connect; abstract sockets and signals
  const UniqueFd ruleset(static_cast<int>(
      check(syscall(SYS_landlock_create_ruleset, &attributes, size_for(version), 0), "make rules for files")));
  for (const std::string& path : files.read) {
    if (::access(path.c_str(), R_OK) == 0) allow(ruleset.get(), path, LANDLOCK_ACCESS_FS_READ_FILE);
  }
  for (const std::string& path : files.write) allow(ruleset.get(), path, all);
  check(syscall(SYS_landlock_restrict_self, ruleset.get(), 0), "keep to these files");
}

}  // namespace usher
