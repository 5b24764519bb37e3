#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/configuration.h"
#include "base/configuration_directories.h"
#include "base/configuration_limits.h"
#include "base/system.h"
#include "base/unique_fd.h"

namespace usher {
namespace {

constexpr mode_t kOthersMayWrite = S_IWGRP | S_IWOTH;

std::string reason(int error_number) {
  return std::generic_category().message(error_number);
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

class FileReader {
 public:
  explicit FileReader(std::vector<Fault>& faults) : faults_(faults) {}

  ConfigurationSource run(const std::string& path) {
    if (read_file(path)) read_programs(directory_of(path) + "/programs.d");
    DefaultDirectories directories = default_directories();
    source_.runtime_directory = std::move(directories.runtime);
    source_.state_directory = std::move(directories.state);
    return std::move(source_);
  }

 private:
  void refuse(const std::string& path, std::string message, std::string remedy) {
    faults_.push_back({Severity::error, path, 0, 0, std::move(message), std::move(remedy)});
    source_.complete = false;
  }

  bool read_file(const std::string& path) {
    // Not blocking: a named pipe in the place of a file must not hold up the reader.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) {
      refuse(path, "it cannot be opened: " + reason(errno), "make the file, or name another with --config");
      return false;
    }
    if (!accept(fd.get(), path, S_IFREG)) return false;
    auto text = read_text(fd.get(), path);
    if (!text) return false;
    source_.files.push_back({path, std::move(*text)});
    return true;
  }

  // What was opened is looked at, not what the path names now: a link may lead to a file, but only to a trusted one.
  bool accept(int fd, const std::string& path, mode_t type) {
    struct stat status {};
    check(::fstat(fd, &status), "look at " + path);
    if ((status.st_mode & S_IFMT) != type) {
      refuse(path, type == S_IFREG ? "it is not a regular file" : "it is not a directory", "put one in its place");
    } else if (status.st_uid != 0 && status.st_uid != geteuid()) {
      refuse(path, "it belongs to user " + std::to_string(status.st_uid) + ", who could change what Usher runs",
             "chown it to root");
    } else if ((status.st_mode & kOthersMayWrite) != 0) {
      refuse(path, "its group or others may write to it", "chmod go-w it");
    } else {
      return true;
    }
    return false;
  }

  std::optional<std::string> read_text(int fd, const std::string& path) {
    std::string text(kMaxConfigurationFile + 1, '\0');
    std::size_t size = 0;
    ssize_t got = 1;
    while (got > 0 && size < text.size()) {
      got = retry([&] { return ::read(fd, text.data() + size, text.size() - size); });
      if (got > 0) size += static_cast<std::size_t>(got);
    }
    if (got < 0) {
      refuse(path, "it cannot be read: " + reason(errno), "see to the file system");
    } else if (size > kMaxConfigurationFile) {
      refuse(path, "it is larger than 1 MiB", "split it into files of programs.d");
    } else if (total_ += size; total_ > kMaxConfigurationBytes) {
      refuse(path, "with it the configuration is larger than 16 MiB", "remove programs");
    } else {
      text.resize(size);
      text.shrink_to_fit();
      return text;
    }
    return {};
  }

  void read_programs(const std::string& directory) {
    UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
    if (!fd && errno == ENOENT) return;  // there need not be one
    if (!fd) {
      refuse(directory, "it cannot be opened: " + reason(errno), "see to its owner and its mode");
      return;
    }
    if (!accept(fd.get(), directory, S_IFDIR)) return;
    const std::vector<std::string> names = program_files(std::move(fd), directory);
    if (names.size() > kMaxConfigurationFiles) {
      refuse(directory, "it has more than 1000 files", "put several programs into one file");
      return;
    }
    for (const std::string& name : names) read_file(std::string(directory).append("/").append(name));
  }

  static std::vector<std::string> program_files(UniqueFd fd, const std::string& directory) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(fd.get()), ::closedir);
    if (!entries) throw_errno("list " + directory);
    fd.release();
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(entries.get())) {
      const std::string_view name = entry->d_name;
      if (name.ends_with(".toml") && !name.starts_with('.')) names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  std::vector<Fault>& faults_;
  ConfigurationSource source_;
  std::size_t total_ = 0;
};

}  // namespace

ConfigurationSource read_configuration_files(const std::string& path, std::vector<Fault>& faults) {
  return FileReader(faults).run(path);
}

}  // namespace usher
