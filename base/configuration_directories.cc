#include "base/configuration_directories.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace usher {
namespace {

// The value of a variable that names an absolute path; else empty.
std::string path_variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && value[0] == '/' ? value : "";
}

bool is_own_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

std::string runtime_directory() {
  const std::string uid = std::to_string(geteuid());
  for (const std::string& base : {path_variable("XDG_RUNTIME_DIR"), "/run/user/" + uid}) {
    if (!base.empty() && is_own_directory(base)) return base + "/usher";
  }
  return "/tmp/usher-" + uid;
}

std::string home_directory() {
  if (std::string home = path_variable("HOME"); !home.empty()) return home;
  const passwd* user = getpwuid(geteuid());
  return user != nullptr && user->pw_dir != nullptr && user->pw_dir[0] == '/' ? user->pw_dir : "";
}

std::string state_directory(const std::string& runtime) {
  if (const std::string base = path_variable("XDG_STATE_HOME"); !base.empty()) return base + "/usher";
  if (const std::string home = home_directory(); !home.empty()) return home + "/.local/state/usher";
  return runtime + "/state";
}

}  // namespace

DefaultDirectories default_directories() {
  if (geteuid() == 0) return {"/run/usher", "/var/lib/usher"};
  const std::string runtime = runtime_directory();
  return {runtime, state_directory(runtime)};
}

}  // namespace usher
