#include "cli/password_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/system.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

UniqueFd open_private(const std::string& path) {
  UniqueFd fd(check(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY), "open " + printable(path)));
  struct stat status {};
  check(::fstat(fd.get(), &status), "look at " + printable(path));
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    throw Error(ErrorCode::not_authorized, printable(path) + " belongs to another user: use a file of your own");
  }
  if ((status.st_mode & kOthers) != 0) {
    throw Error(ErrorCode::not_authorized, printable(path) + " is open to others: chmod 600 it");
  }
  return fd;
}

}  // namespace

// Byte by byte into its place: no buffer keeps a copy.
Secret read_password_file(const std::string& path) {
  const UniqueFd fd = open_private(path);
  Secret password;
  std::uint8_t byte = 0;
  while (check(retry([&] { return ::read(fd.get(), &byte, 1); }), "read " + printable(path)) == 1 && byte != '\n') {
    if (password.size() == Secret::kMax) {
      throw Error(ErrorCode::invalid_argument, "the first line of " + printable(path) + " is too long for a password");
    }
    password.append({&byte, 1});
  }
  if (!password.empty() && password.bytes().back() == '\r') password.shorten(password.size() - 1);
  if (password.empty()) {
    throw Error(ErrorCode::invalid_argument,
                "the first line of " + printable(path) + " is empty: write the password there");
  }
  return password;
}

}  // namespace usher
