// Games with links, names and modes in the directories of Usher, and files that a taken-over service leaves behind.
#include <doctest/doctest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "tests/end_to_end/holdings.h"
#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kWho = shell_program("who", "id -un");

uid_t uid_of(const std::string& account) {
  const passwd* entry = ::getpwnam(account.c_str());
  if (entry == nullptr) throw std::runtime_error("no account " + account);
  return entry->pw_uid;
}

// What somebody else has, and nobody may change: owner, mode, content.
class Victim {
 public:
  explicit Victim(const TemporaryDirectory& directory)
      : file_(directory.write("victim/file", "precious\n", 0600)), directory_(directory.path("victim")) {
    usher::check(::chmod(directory_.c_str(), 0700), "chmod");
  }
  const std::string& file() const noexcept { return file_; }
  const std::string& directory() const noexcept { return directory_; }

  bool is_untouched() const {
    struct stat file {};
    struct stat directory {};
    return ::lstat(file_.c_str(), &file) == 0 && ::lstat(directory_.c_str(), &directory) == 0 &&
           file.st_uid == ::geteuid() && directory.st_uid == ::geteuid() && (file.st_mode & 07777) == 0600 &&
           (directory.st_mode & 07777) == 0700 && read_file(file_) == "precious\n" &&
           std::distance(std::filesystem::directory_iterator(directory_), {}) == 1;
  }

 private:
  std::string file_, directory_;
};

Result start(const TemporaryDirectory& directory) {
  return run({USHER_COMMAND, "start", "--config", write_configuration(directory, {.programs = kWho})});
}

}  // namespace

TEST_CASE("hostile files: a directory that is a link, another's or open to others is not started in") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "gives directories away");
  namespace fs = std::filesystem;
  struct Game {
    std::string name;
    std::function<void(const TemporaryDirectory&, const Victim&)> play;
  };
  const auto linked = [](const std::string& name, bool to_file) {
    return [=](const TemporaryDirectory& directory, const Victim& victim) {
      fs::create_directories(fs::path(directory.path(name)).parent_path());
      fs::create_symlink(to_file ? victim.file() : victim.directory(), directory.path(name));
    };
  };
  const auto changed = [](const std::string& name, const std::function<void(const std::string&)>& change) {
    return [=](const TemporaryDirectory& directory, const Victim&) {
      fs::create_directories(directory.path(name));
      change(directory.path(name));
    };
  };
  const auto given_away = [](const std::string& path) {
    usher::check(::chown(path.c_str(), uid_of("normal"), static_cast<gid_t>(-1)), "chown");
  };
  const auto opened = [](const std::string& path) { usher::check(::chmod(path.c_str(), 0777), "chmod"); };
  const std::vector<Game> games{{"run is a link", linked("run", false)},
                                {"run/empty is a link", linked("run/empty", false)},
                                {"run/db is a link", linked("run/db", false)},
                                {"run/db is a link to a file", linked("run/db", true)},
                                {"run/lock is a link", linked("run/lock", true)},
                                {"state is a link", linked("state", false)},
                                {"state/db is a link", linked("state/db", false)},
                                {"state/logs is a link", linked("state/logs", false)},
                                {"state/queues is a link", linked("state/queues", false)},
                                {"run is another's", changed("run", given_away)},
                                {"run is open to all", changed("run", opened)},
                                {"run/empty is another's", changed("run/empty", given_away)},
                                {"run/empty is open to all", changed("run/empty", opened)},
                                {"state is another's", changed("state", given_away)},
                                {"state is open to all", changed("state", opened)}};
  for (const Game& game : games) {
    CAPTURE(game.name);
    const TemporaryDirectory directory;
    const Victim victim(directory);
    game.play(directory, victim);
    const Result result = start(directory);
    CHECK(result.ending.code == 1);
    CHECK_FALSE(result.error_output.empty());
    CHECK(victim.is_untouched());
    if (result.ending.code == 0) run({USHER_COMMAND, "stop", "--config", directory.path("usher.toml")});
  }
}

TEST_CASE("hostile files: a link in place of a socket makes way, and where it leads nothing is touched") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  namespace fs = std::filesystem;
  const TemporaryDirectory directory;
  const Victim victim(directory);
  fs::create_directories(directory.path("run"));
  const std::vector<std::string> sockets{"run/pool.sock", "run/jobs.sock", "run/control.sock"};
  for (const std::string& name : sockets) fs::create_symlink(victim.file(), directory.path(name));
  const Background usher(write_configuration(directory, {.programs = kWho}));
  CHECK(usher.start().ending.code == 0);
  for (const std::string& name : sockets) CHECK(fs::is_socket(fs::symlink_status(directory.path(name))));
  CHECK(victim.is_untouched());
}

// The service's user has its own directories, and no name beside them.
TEST_CASE("hostile files: neither users nor Usher's own accounts change a name in its directories") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "becomes other users");
  const Installation usher(steady({.programs = kWho}));
  const Holdings before = holdings_of(usher);
  const std::string games =
      "for d in $0/run $0/run/empty $0/state; do\n"
      "  touch $d/new && echo made $d/new\n"
      "  ln -s /etc $d/link && echo linked $d/link\n"
      "  for name in db lock pool.sock jobs.sock control.sock logs queues; do\n"
      "    if [ -e $d/$name ]; then mv $d/$name $d/moved && echo moved $d/$name; rm -rf $d/$name; fi\n"
      "    ln -sfn /etc $d/$name && [ -L $d/$name ] && echo replaced $d/$name\n"
      "  done\n"
      "done 2>/dev/null; echo tried";
  for (const std::string account : {"normal", "usher-login"}) {
    CAPTURE(account);
    CHECK(run(command_as(account, {"/bin/sh", "-c", games, usher.directory().path()})).output == "tried\n");
  }
  const std::string only_names =
      "cd / && for d in $0/run $0/state; do for n in db lock pool.sock jobs.sock control.sock; do\n"
      "mv $d/$n $d/moved && echo moved; ln -sfn /etc $d/moved && echo linked; done; done 2>/dev/null; echo tried";
  CHECK(run(command_as("usher", {"/bin/sh", "-c", only_names, usher.directory().path()})).output == "tried\n");
  CHECK(comes_back_to(usher, before));
}

// A taken-over pool or listener has its own directories to play in. Whoever comes there after it is no more than it
// was.
TEST_CASE("hostile files: what a service leaves in place of the registry is refused, by the next one and by commands") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "becomes the service's user");
  const std::vector<std::string> games{"ln -s $0 registry.db", "mkfifo registry.db", "mkdir registry.db",
                                       "head -c 8192 /dev/urandom >registry.db",
                                       "ln -s $0 registry.db-sidecar && mv kept registry.db"};
  for (const std::string& game : games) {
    CAPTURE(game);
    const TemporaryDirectory elsewhere;
    const Victim victim(elsewhere);
    Installation usher({.programs = kWho});
    const std::string play =
        "cd " + usher.directory().path("run/db") + " && mv registry.db kept && rm -f registry.db-* && " + game;
    REQUIRE(run(command_as("usher", {"/bin/sh", "-c", play, victim.file()})).ending.code == 0);
    if (const pid_t pool = usher.service("usher-pool"); pool > 0) signal_to(pool, SIGKILL);
    CHECK(usher.wait_for_log("pool_failed"));
    const Result jobs = usher.usher({"jobs"});
    CHECK(jobs.ending.code == 1);
    CHECK_FALSE(jobs.error_output.empty());
    CHECK(victim.is_untouched());
    const Result stop = usher.usher({"stop"});
    CAPTURE(stop.error_output);
    CHECK(stop.ending.code == 0);
    CHECK(victim.is_untouched());
  }
}
