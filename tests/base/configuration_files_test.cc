#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/configuration.h"
#include "base/configuration_directories.h"
#include "base/system.h"
#include "tests/base/configuration_support.h"
#include "tests/support/descriptors.h"
#include "tests/support/skip.h"
#include "tests/support/temporary_directory.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Read {
  ConfigurationSource source;
  std::vector<std::string> faults;
};

Read read(const std::string& path) {
  Read result;
  std::vector<Fault> faults;
  const std::size_t before = open_descriptors();
  result.source = read_configuration_files(path, faults);
  CHECK(open_descriptors() == before);
  CHECK(result.source.complete == faults.empty());
  result.faults = lines_of(faults);
  return result;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("files: usher.toml comes first, then programs.d/*.toml in the order of their names") {
  const TemporaryDirectory directory;
  const std::string main = directory.write("usher.toml", "main");
  directory.write("programs.d/b.toml", "b");
  directory.write("programs.d/a.toml", "a");
  directory.write("programs.d/10.toml", "10");
  directory.write("programs.d/.hidden.toml", "no");
  directory.write("programs.d/c.toml.bak", "no");
  directory.write("programs.d/README", "no");
  const Read result = read(main);
  CHECK(result.faults == Lines{});
  REQUIRE(result.source.files.size() == 4);
  CHECK(result.source.files[0].path == main);
  CHECK(result.source.files[0].text == "main");
  CHECK(result.source.files[1].path == directory.path("programs.d/10.toml"));
  CHECK(result.source.files[2].text == "a");
  CHECK(result.source.files[3].text == "b");
}

TEST_CASE("files: programs.d need not be there, and links may lead to trusted files") {
  const TemporaryDirectory directory;
  const std::string main = directory.write("real/main.toml", "x");
  directory.write("real/cat.toml", "y");
  std::filesystem::create_directory(directory.path("etc"));
  std::filesystem::create_symlink(main, directory.path("etc/usher.toml"));
  CHECK(read(directory.path("etc/usher.toml")).source.files.size() == 1);
  std::filesystem::create_directory(directory.path("etc/programs.d"));
  std::filesystem::create_symlink(directory.path("real/cat.toml"), directory.path("etc/programs.d/cat.toml"));
  const Read result = read(directory.path("etc/usher.toml"));
  CHECK(result.faults == Lines{});
  CHECK(result.source.files.at(1).text == "y");
}

TEST_CASE("files: a file that is missing, or is none, is a fault and no crash") {
  const TemporaryDirectory directory;
  CHECK(read(directory.path("usher.toml")).faults ==
        Lines{directory.path("usher.toml") +
              ": error: it cannot be opened: No such file or directory; make the file, or name another with --config"});
  CHECK(read(directory.path()).faults ==
        Lines{directory.path() + ": error: it is not a regular file; put one in its place"});
  const std::string main = directory.write("usher.toml", "");
  directory.write("programs.d/good.toml", "good");
  check(::mkfifo(directory.path("programs.d/pipe.toml").c_str(), 0600), "mkfifo");
  std::filesystem::create_symlink("nowhere", directory.path("programs.d/gone.toml"));
  const Read result = read(main);
  CHECK(result.source.files.size() == 2);
  CHECK(
      result.faults ==
      Lines{directory.path("programs.d/gone.toml") +
                ": error: it cannot be opened: No such file or directory; make the file, or name another with --config",
            directory.path("programs.d/pipe.toml") + ": error: it is not a regular file; put one in its place"});
}

TEST_CASE("files: what others may write is refused, the directory of programs too") {
  const TemporaryDirectory directory;
  const std::string main = directory.write("usher.toml", "");
  const std::string program = directory.write("programs.d/x.toml", "");
  for (const mode_t mode : {0664U, 0646U, 0666U}) {
    check(::chmod(program.c_str(), mode), "chmod");
    CHECK(read(main).faults == Lines{program + ": error: its group or others may write to it; chmod go-w it"});
  }
  check(::chmod(directory.path("programs.d").c_str(), 0775), "chmod");
  CHECK(read(main).faults ==
        Lines{directory.path("programs.d") + ": error: its group or others may write to it; chmod go-w it"});
  check(::chmod(main.c_str(), 0620), "chmod");
  const Read result = read(main);
  CHECK(result.faults == Lines{main + ": error: its group or others may write to it; chmod go-w it"});
  CHECK(result.source.files.empty());
}

TEST_CASE("files: a file of another user is refused, through a link too") {
  SKIP_UNLESS(geteuid() == 0, "only root can give a file away");
  const TemporaryDirectory directory;
  const std::string main = directory.write("usher.toml", "");
  const std::string theirs = directory.write("theirs.toml", "");
  check(::chown(theirs.c_str(), 65534, 65534), "chown");
  std::filesystem::create_directory(directory.path("programs.d"));
  std::filesystem::create_symlink(theirs, directory.path("programs.d/x.toml"));
  CHECK(read(main).faults ==
        Lines{directory.path("programs.d/x.toml") +
              ": error: it belongs to user 65534, who could change what Usher runs; chown it to root"});
}

TEST_CASE("files: a file of 1 MiB is read, a larger one refused") {
  const TemporaryDirectory directory;
  const std::string main = directory.write("usher.toml", std::string(1 << 20, '#'));
  CHECK(read(main).source.files.at(0).text.size() == 1 << 20);
  directory.write("usher.toml", std::string((1 << 20) + 1, '#'));
  CHECK(read(main).faults == Lines{main + ": error: it is larger than 1 MiB; split it into files of programs.d"});
}

TEST_CASE("files: more than 16 MiB in all, or more than 1,000 programs' files, are refused") {
  const TemporaryDirectory directory;
  const std::string main = directory.write("usher.toml", "");
  for (int i = 10; i < 27; ++i) {
    directory.write("programs.d/" + std::to_string(i) + ".toml", std::string(1 << 20, '#'));
  }
  CHECK(read(main).faults == Lines{directory.path("programs.d/26.toml") +
                                   ": error: with it the configuration is larger than 16 MiB; remove programs"});
  for (int i = 0; i < 1001; ++i) directory.write("programs.d/" + std::to_string(i) + ".toml", "");
  CHECK(read(main).faults == Lines{directory.path("programs.d") +
                                   ": error: it has more than 1000 files; put several programs into one file"});
}

TEST_CASE("files: the directories in force without [server] come with the files") {
  const TemporaryDirectory directory;
  const ConfigurationSource source = read(directory.write("usher.toml", "")).source;
  const DefaultDirectories defaults = default_directories();
  CHECK(source.runtime_directory == defaults.runtime);
  CHECK(source.state_directory == defaults.state);
  if (geteuid() == 0) {
    CHECK(defaults.runtime == "/run/usher");
    CHECK(defaults.state == "/var/lib/usher");
  }
}
