#include "worker/public_leftovers.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "worker/descendants.h"

namespace usher {
namespace {

constexpr std::size_t kMostEnvironment = std::size_t{1} << 20U;  // what is longer is not looked at any further

std::string environment_of(pid_t pid) {
  const UniqueFd file(::open(("/proc/" + std::to_string(pid) + "/environ").c_str(), O_RDONLY | O_CLOEXEC));
  std::string bytes;
  std::vector<char> part(16'384);
  for (ssize_t got = 1; file && got > 0 && bytes.size() < kMostEnvironment;) {
    got = ::read(file.get(), part.data(), part.size());
    if (got > 0) bytes.append(part.data(), static_cast<std::size_t>(got));
  }
  return bytes;
}

// From its environment; 0 when it says none.
std::uint32_t job_number_of(pid_t pid) {
  constexpr std::string_view kName{"\0USHER_JOB=", 11};
  const std::string environment = std::string(1, '\0') + environment_of(pid);
  const std::size_t at = environment.find(kName);
  std::uint32_t number = 0;
  if (at == std::string::npos) return number;
  const char* digits = environment.data() + at + kName.size();
  std::from_chars(digits, environment.data() + environment.size(), number);
  return number;
}

}  // namespace

bool has_children() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

std::size_t kill_leftovers(const std::function<bool(pid_t)>& is_program, const std::function<bool(std::uint32_t)>& runs) {
  return kill_descendants([&](pid_t child) {
    if (is_program(child)) return true;
    const std::uint32_t number = job_number_of(child);
    return number != 0 && runs(number);
  });
}

}  // namespace usher
