// drop: keeps what the client sends as a file in ~/incoming.
//
//   drop                   named after the time and the job: 20261120T114302Z-000123
//   drop NAME              until the client ends its side of the connection
//   drop NAME SIZE         exactly that many bytes: less is refused, and the client need not end its side
//
// Model:  a file appears under its name only when it is whole and on disk, and never in place of another; until then it
// is
//         ".partial-..." in the same directory, and goes when anything fails.
// Shape:  a name is 1..200 bytes of UTF-8 without '/' and control characters and does not begin with '.'. One line is
//         answered: "OK 1234 bytes in incoming/NAME" or "ERR ...".
// Status: 0 when the file is there, else 1.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <limits>
#include <stdexcept>

#include "base/text.h"
#include "base/unique_fd.h"
#include "programs/connection.h"

using namespace usher;
using namespace usher::programs;

namespace {

constexpr std::size_t kMaxName = 200;
constexpr auto kUntilTheEnd = std::numeric_limits<std::uint64_t>::max();

class Refusal : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void check(bool worked, const std::string& what) {
  if (!worked) throw Refusal(what + ": " + std::strerror(errno));
}

std::string default_name() {
  std::array<char, 32> stamp{};
  const std::time_t now = std::time(nullptr);
  tm utc{};
  gmtime_r(&now, &utc);
  std::strftime(stamp.data(), stamp.size(), "%Y%m%dT%H%M%SZ-", &utc);
  const std::string job = variable("USHER_JOB");
  return stamp.data() + (job.empty() ? std::to_string(getpid()) : job.substr(0, job.find('/')));
}

std::string plain_name(const std::string& name) {
  const bool plain = !name.empty() && name.size() <= kMaxName && name.front() != '.' &&
                     name.find('/') == std::string::npos && printable(name) == name;
  if (!plain) throw Refusal("not a plain file name");
  return name;
}

std::uint64_t size_in(std::string_view text) {
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size()) throw Refusal("the size is not a number of bytes");
  return size;
}

UniqueFd open_incoming() {
  const std::string path = variable("HOME") + "/incoming";
  check(::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST, path);
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  check(static_cast<bool>(directory), path);
  return directory;
}

// The file while it is not whole yet.
class Partial {
 public:
  explicit Partial(const UniqueFd& directory)
      : directory_(directory),
        name_(".partial-" + default_name() + "-" + std::to_string(getpid())),
        file_(::openat(directory.get(), name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) {
    check(static_cast<bool>(file_), name_);
  }
  Partial(const Partial&) = delete;
  Partial& operator=(const Partial&) = delete;
  ~Partial() {
    if (file_) ::unlinkat(directory_.get(), name_.c_str(), 0);
  }

  void append(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
      check(count > 0, "write");
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  // A link, unlike a rename, fails where a file of that name is.
  void publish(const std::string& name) const {
    check(::fsync(file_.get()) == 0, "fsync");
    check(::linkat(directory_.get(), name_.c_str(), directory_.get(), name.c_str(), 0) == 0, name);
    check(::unlinkat(directory_.get(), name_.c_str(), 0) == 0, name_);
    check(::fsync(directory_.get()) == 0, "fsync");
  }

 private:
  const UniqueFd& directory_;
  std::string name_;
  UniqueFd file_;
};

// At most `limit` bytes of standard input; how many came.
std::uint64_t receive_into(const Partial& partial, std::uint64_t limit) {
  std::array<char, 65536> buffer;
  std::uint64_t received = 0;
  while (received < limit) {
    const std::size_t wanted = std::min<std::uint64_t>(buffer.size(), limit - received);
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), wanted);
    check(count >= 0, "the connection");
    if (count == 0) break;
    partial.append({buffer.data(), static_cast<std::size_t>(count)});
    received += static_cast<std::uint64_t>(count);
  }
  return received;
}

std::uint64_t store(const std::string& name, std::uint64_t size) {
  const UniqueFd directory = open_incoming();
  const Partial partial(directory);
  const std::uint64_t received = receive_into(partial, size);
  if (size != kUntilTheEnd && received != size) throw Refusal("only " + std::to_string(received) + " bytes came");
  partial.publish(name);
  return received;
}

void keep(int argc, char** argv) {
  if (argc > 3) throw Refusal("drop takes a NAME without blanks and a SIZE");
  const std::string name = argc > 1 ? plain_name(argv[1]) : default_name();
  const std::uint64_t size = store(name, argc > 2 ? size_in(argv[2]) : kUntilTheEnd);
  say("OK " + std::to_string(size) + " bytes in incoming/" + name);
}

}  // namespace

int main(int argc, char** argv) {
  client_may_vanish();
  std::signal(SIGXFSZ, SIG_IGN);  // a file-size limit then fails the write, as a full disk does
  int status = 0;
  try {
    keep(argc, argv);
  } catch (const Refusal& refusal) {
    say("ERR " + std::string(refusal.what()));
    status = 1;
  }
  return flush() ? status : 1;
}
