// scripts/setup, with stand-ins for Debian's own commands in front of them.
#include <doctest/doctest.h>
#include <unistd.h>

#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

using namespace usher::testing;

namespace {

class Machine {
 public:
  // All packages are installed but these.
  explicit Machine(const std::string& missing) {
    directory_.write("dpkg-query",
                     "#!/bin/bash\nfor package in \"${@:4}\"; do\n  [[ ' " + missing +
                         " ' == *\" $package \"* ]] || echo \"installed $package\"\ndone\n",
                     0755);
    directory_.write("apt-get", "#!/bin/bash\necho \"$@\" >>" + directory_.path("calls") + "\n", 0755);
    directory_.write("calls", "", 0666);
  }

  Result set_up(const std::vector<std::string>& purposes) const {
    std::vector<std::string> command{USHER_SOURCE_ROOT "/scripts/setup"};
    command.insert(command.end(), purposes.begin(), purposes.end());
    return run(command, {.variables = {"PATH=" + directory_.path() + ":/usr/bin:/bin"}});
  }
  std::string calls() const { return read_file(directory_.path("calls")); }

 private:
  TemporaryDirectory directory_;
};

}  // namespace

TEST_CASE("setup: when all is there it does and says nothing") {
  const Machine machine("");
  const Result result = machine.set_up({"build", "run", "test"});
  CHECK(result.ending.code == 0);
  CHECK(result.output == "");
  CHECK(result.error_output == "");
  CHECK(machine.calls() == "");
}

TEST_CASE("setup: what is missing is installed by root, and named to anybody else") {
  const Machine machine("meson shellcheck");
  const Result result = machine.set_up({"build", "test"});
  CHECK(result.ending.code == 0);
  if (geteuid() == 0) {
    CHECK(result.output == "setup: installing meson shellcheck\n");
    CHECK(machine.calls() == "-qq update\n-qq install -y --no-install-recommends meson shellcheck\n");
  } else {
    CHECK(result.error_output.find("missing are: meson shellcheck; ") != std::string::npos);
    CHECK(machine.calls() == "");
  }
}

TEST_CASE("setup: only what the purposes need is looked at") {
  const Machine machine("shellcheck vsftpd");
  CHECK(machine.set_up({"build", "run"}).output == "");
  CHECK(machine.calls() == "");
}
