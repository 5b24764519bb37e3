#include "tests/bench/front_door.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/bench/line_session.h"
#include "tests/bench/listening_socket.h"
#include "tests/support/accounts.h"
#include "tests/support/wait_until.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kService =
    "auth required pam_unix.so\n"
    "account required pam_unix.so\n"
    "session required pam_permit.so\n";

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error(path + " cannot be written");
}

// Tests have an account in more than a thousand groups, and who looks a group up reads them all: no common machine is
// like that.
void drop_many_groups() {
  std::istringstream groups(testing::read_file("/etc/group"));
  std::string kept;
  for (std::string line; std::getline(groups, line);) {
    if (!line.ends_with(":" + std::string(testing::account::kManyGroups))) kept += line + '\n';
  }
  write_file("/etc/group", kept);
}

bool listens(std::uint16_t port) {
  const UniqueFd fd = begin_connection(port);
  pollfd connected{fd.get(), POLLOUT, 0};
  int error = 0;
  socklen_t length = sizeof error;
  return ::poll(&connected, 1, 1000) == 1 && ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) == 0 &&
         error == 0;
}

}  // namespace

BenchGround::BenchGround(bool dynamic_program) {
  if (!testing::in_private_etc() || ::geteuid() != 0) throw CannotRun("needs root, in the private /etc");
  check(::mount("usher-bench", "/run", "tmpfs", 0, "mode=755"), "cover /run");
  write_file(std::string("/etc/pam.d/") + kPamService, kService);
  drop_many_groups();
  say_ = path("say");
  const std::string static_program(USHER_BENCH_SAY_STATIC);
  const bool dynamic = dynamic_program || static_program.empty();
  std::filesystem::copy_file(dynamic ? USHER_BENCH_SAY : static_program, say_);
  program_ = dynamic ? "program linked dynamically" : "program linked statically";
}

FrontDoor::~FrontDoor() {
  process_.signal(SIGTERM);
  process_.wait_for_end(testing::kPatience);
}

void FrontDoor::wait_until_listening(std::uint16_t port) {
  if (testing::wait_until([port] { return listens(port); })) return;
  throw std::runtime_error(name() + " does not listen: " + process_.output() + process_.error_output());
}

std::uint16_t free_port() { return listen_on_loopback().port; }

std::string installed(const std::string& path) {
  if (::access(path.c_str(), X_OK) != 0) throw CannotRun(path + " is not installed");
  return path;
}

}  // namespace usher::bench
