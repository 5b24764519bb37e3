// What each process of a running Usher may do, has open and is made of: as docs/TRUST.md says, and no more.
#include <doctest/doctest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "tests/end_to_end/processes.h"
#include "tests/support/accounts.h"
#include "tests/support/large_pages.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kStay = shell_program("stay", "echo on; exec cat");

// A running Usher with one client in the login and one in a program.
struct Scene {
  Scene() {
    in_login.answer(100, usual_account());
    in_login.expect_line(101);
    log_in(in_program, usual_account(), "stay");
    REQUIRE(in_program.read_line() == "on");
    REQUIRE(wait_until([&] { return usher.job_of(in_program).at("status") == "active"; }));
    idle = ready_workers(usher).at(0);
    busy = worker_of(usher, in_login);
    session = worker_of(usher, in_program);
    program = pid_of(usher.job_of(in_program));
    listener = usher.service("usher-listener");
    pool = usher.service("usher-pool");
    pattern = template_of(usher);
    idle_login = children_of(idle).at(0).pid;
    login = children_of(busy).at(0).pid;
  }

  Installation usher{{.programs = kStay}};
  Client in_login{usher.address()};
  Client in_program{usher.address()};
  pid_t listener, pool, pattern, idle, busy, session, idle_login, login, program;
};

const std::string kNoCapability = "0000000000000000";

std::string ids(const std::string& id) {
  return id + " " + id + " " + id + " " + id;
}

std::string ids_of(std::string_view account) {
  const passwd* entry = ::getpwnam(std::string(account).c_str());
  return entry == nullptr ? "none" : ids(std::to_string(entry->pw_uid));
}

struct Rights {
  const char* name;
  pid_t pid;
  std::string uid;
  std::string gid;
  bool capable;
};

std::vector<Rights> rights_of(const Scene& scene) {
  const std::string root = ids_of("root");
  const std::string usher = ids_of("usher");
  const std::string login = ids_of("usher-login");
  const std::string user = ids_of(usual_account());
  return {{"starter", scene.usher.starter(), root, root, true},
          {"listener", scene.listener, usher, usher, false},
          {"pool", scene.pool, usher, usher, false},
          {"template", scene.pattern, root, root, true},
          {"idle worker", scene.idle, root, root, true},
          {"idle login process", scene.idle_login, login, login, false},
          {"worker in a login", scene.busy, root, root, true},
          {"login process", scene.login, login, login, false},
          {"worker in a session", scene.session, root, user, true},  // the user's group and groups, from PAM on
          {"program", scene.program, user, user, false}};
}

struct Region {
  std::size_t begin;
  std::string mode;
  std::string file;
};

std::vector<Region> regions_of(pid_t pid) {
  std::vector<Region> regions;
  std::istringstream maps(read_file("/proc/" + std::to_string(pid) + "/maps"));
  for (std::string line; std::getline(maps, line);) {
    const std::size_t file = line.find_first_of("/[");
    regions.push_back({std::stoul(line, nullptr, 16), line.substr(line.find(' ') + 1, 4), file == line.npos ? "" : line.substr(file)});
  }
  return regions;
}

// Files that a process has mapped: itself, its libraries, and data.
std::set<std::string> mapped_by(pid_t pid) {
  std::set<std::string> files;
  for (const Region& region : regions_of(pid)) {
    if (region.file.starts_with('/')) files.insert(region.file);
  }
  return files;
}

bool all_match(const std::set<std::string>& texts, const std::string& pattern) {
  const std::regex regex(pattern);
  bool all = true;
  for (const std::string& text : texts) {
    if (std::regex_search(text, regex)) continue;
    MESSAGE("not expected: " << text);
    all = false;
  }
  return all;
}

bool some_match(const std::set<std::string>& texts, const std::string& pattern) {
  const std::regex regex(pattern);
  return std::any_of(texts.begin(), texts.end(), [&](const auto& text) { return std::regex_search(text, regex); });
}

// Descriptors without the numbers that differ from run to run: "socket", "/dev/null", "anon_inode:[eventpoll]".
std::map<int, std::string> kinds_of_descriptors(pid_t pid) {
  std::map<int, std::string> kinds = descriptors_of(pid);
  for (auto& [fd, kind] : kinds) kind = std::regex_replace(kind, std::regex(":\\[[0-9]+\\]$| \\(deleted\\)$"), "");
  return kinds;
}

std::set<std::string> kinds_from(pid_t pid, int first) {
  std::set<std::string> kinds;
  for (const auto& [fd, kind] : kinds_of_descriptors(pid)) {
    if (fd >= first) kinds.insert(kind);
  }
  return kinds;
}

using Kinds = std::map<int, std::string>;

// Which of Usher's processes have this socket open.
std::set<pid_t> holders(const Scene& scene, const std::string& socket) {
  std::set<pid_t> found;
  std::vector<ProcessEntry> all = descendants_of(scene.usher.starter());
  all.push_back({scene.usher.starter(), 0, 'S', ""});
  for (const ProcessEntry& process : all) {
    for (const auto& [fd, what] : descriptors_of(process.pid)) {
      if (what == socket) found.insert(process.pid);
    }
  }
  return found;
}

// ---- what root opens, from the system calls that strace wrote down, a file for each process ----

struct Opened {
  std::set<std::string> by_root;
  std::set<std::string> by_others;
};

// One process from its first call on; the processes it makes while it is root go to `roots`, the others to `others`.
void read_trace(const std::string& file, bool root, Opened& opened, std::vector<pid_t>& roots,
                std::vector<pid_t>& others) {
  static const std::regex open_call("^(?:open|openat|creat)\\((?:[^\"<]*<([^>]*)>[^\"]*)?\"([^\"]*)\".* = [0-9]");
  static const std::regex fork_call("^(?:clone|clone3|fork|vfork)\\(.* = ([0-9]+)");
  static const std::regex uid_call("^setresuid\\([1-9].* = 0");
  std::istringstream lines(read_file(file));
  std::smatch part;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_search(line, uid_call)) root = false;
    if (std::regex_search(line, part, fork_call)) (root ? roots : others).push_back(std::stoi(part[1]));
    if (!std::regex_search(line, part, open_call)) continue;
    const std::string name = part[2];
    (root ? opened.by_root : opened.by_others).insert(name.starts_with('/') ? name : part[1].str() + "/" + name);
  }
}

Opened opened_below(const std::string& traces, pid_t first) {
  Opened opened;
  std::vector<pid_t> roots{first};
  std::vector<pid_t> others;
  while (!roots.empty() || !others.empty()) {
    const bool root = !roots.empty();
    std::vector<pid_t>& next = root ? roots : others;
    const std::string file = traces + "." + std::to_string(next.back());
    next.pop_back();
    if (std::filesystem::exists(file)) read_trace(file, root, opened, roots, others);
  }
  return opened;
}

// The file itself, or a directory on the way to it in which the user could put another in its place.
bool can_be_changed_by(uid_t user, const std::filesystem::path& path) {
  for (std::filesystem::path at = path; at != at.root_path(); at = at.parent_path()) {
    struct stat status {};
    if (::stat(at.c_str(), &status) != 0 || (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))) continue;
    const bool anybody = (status.st_mode & S_IWOTH) != 0 && (status.st_mode & S_ISVTX) == 0;
    if (status.st_uid == user || anybody) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("privilege: each process has the ids and capabilities of its kind") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Scene scene;
  for (const Rights& rights : rights_of(scene)) {
    const auto& [name, pid, uid, gid, capable] = rights;
    CAPTURE(rights.name);
    CHECK(status_of(pid, "Uid") == uid);
    CHECK(status_of(pid, "Gid") == gid);
    for (const char* set : {"CapEff", "CapPrm"}) CHECK((status_of(pid, set) != kNoCapability) == capable);
    for (const char* set : {"CapInh", "CapAmb"}) CHECK(status_of(pid, set) == kNoCapability);
  }
  CHECK(status_of(scene.login, "Groups") == "");
  for (const pid_t service : {scene.listener, scene.pool}) {
    CHECK(ids(status_of(service, "Groups")) == ids_of("usher"));
  }
}

TEST_CASE("privilege: login process, listener and pool are confined, and nothing is that a program would inherit") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Scene scene;
  for (const pid_t confined : {scene.idle_login, scene.login, scene.listener, scene.pool}) {
    CAPTURE(confined);
    CHECK(status_of(confined, "Seccomp") == "2");
    CHECK(status_of(confined, "NoNewPrivs") == "1");
    for (const char* set : {"CapEff", "CapPrm", "CapInh", "CapAmb"}) CHECK(status_of(confined, set) == kNoCapability);
  }
  for (const pid_t service : {scene.listener, scene.pool}) CHECK(status_of(service, "CapBnd") == kNoCapability);
  for (const pid_t other :
       {scene.usher.starter(), scene.pattern, scene.idle, scene.busy, scene.session, scene.program}) {
    CHECK(status_of(other, "Seccomp") == "0");
    CHECK(status_of(other, "NoNewPrivs") == "0");
    CHECK(status_of(other, "CapBnd") == status_of(::getpid(), "CapBnd"));
  }
}

TEST_CASE("privilege: the login process has a network namespace in which there is nothing") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Scene scene;
  const auto network_of = [](pid_t pid) {
    return std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/ns/net");
  };
  for (const pid_t login : {scene.idle_login, scene.login}) {
    CHECK(network_of(login) != network_of(::getpid()));
    CHECK(network_of(login) == network_of(scene.idle_login));
  }
  for (const pid_t other : {scene.usher.starter(), scene.pattern, scene.idle, scene.session, scene.program}) {
    CHECK(network_of(other) == network_of(::getpid()));
  }
}

TEST_CASE("privilege: the login process sees an empty root, and nobody but root may look into it") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Scene scene;
  for (const pid_t login : {scene.idle_login, scene.login}) {
    const std::string process = "/proc/" + std::to_string(login);
    CHECK(std::filesystem::read_symlink(process + "/root") == scene.usher.directory().path("run/empty"));
    CHECK(std::filesystem::is_empty(process + "/root/"));
    struct stat status {};
    REQUIRE(::stat((process + "/environ").c_str(), &status) == 0);
    CHECK(status.st_uid == 0);  // so the kernel shows that it is not dumpable
  }
}

TEST_CASE("privilege: the descriptors of each process are those it works with") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Scene scene;
  const std::string run = scene.usher.directory().path("run");
  const std::string state = scene.usher.directory().path("state");
  const Kinds nothing_to_read{{0, "/dev/null"}, {1, "/dev/null"}, {2, "/memfd:errors"}};

  CHECK(kinds_of_descriptors(scene.idle_login) == Kinds{{0, "socket"}});
  CHECK(kinds_of_descriptors(scene.login) == Kinds{{0, "socket"}, {1, "socket"}});
  CHECK(kinds_of_descriptors(scene.program) == Kinds{{0, "socket"}, {1, "socket"}, {2, "pipe"}});
  for (const pid_t worker : {scene.pattern, scene.idle, scene.busy, scene.session, scene.listener, scene.pool}) {
    const Kinds all = kinds_of_descriptors(worker);
    CHECK(std::includes(all.begin(), all.end(), nothing_to_read.begin(), nothing_to_read.end()));
  }
  // For login processes: their program, their root, the network that they see.
  const std::string login_program = std::filesystem::path(USHER_COMMAND).parent_path() / "usher-login";
  const std::set<std::string> waiting{"socket", "net", run + "/empty", login_program};
  CHECK(kinds_from(scene.pattern, 3) == waiting);
  CHECK(kinds_from(scene.idle, 3) == waiting);
  CHECK(kinds_from(scene.busy, 3) == waiting);
  std::set<std::string> in_session = waiting;
  in_session.insert({"pipe", "anon_inode:[pidfd]"});
  CHECK(kinds_from(scene.session, 3) == in_session);
  CHECK(kinds_from(scene.usher.starter(), 3) == std::set<std::string>{"socket", "anon_inode:[eventpoll]",
                                                                      "anon_inode:[signalfd]",
                                                                      "/memfd:usher-configuration", run + "/lock"});
  CHECK(all_match(kinds_from(scene.listener, 3), "^socket$|^anon_inode:.event(poll|fd).$|^" + run + "/db/registry.db|^" +
                                                     state + "/db/limits.db"));
  CHECK(all_match(kinds_from(scene.pool, 3), "^socket$|^pipe$|^anon_inode:.event(poll|fd).$|^" + run +
                                                 "/db/registry.db|^" + state + "/(db/history.db|logs/)"));
}

TEST_CASE("privilege: a client's connection is open where it is served, and nowhere else") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Scene scene;
  const std::string in_login = descriptors_of(scene.login).at(1);
  CHECK(holders(scene, in_login) == std::set<pid_t>{scene.listener, scene.busy, scene.login});
  const std::string in_program = descriptors_of(scene.program).at(0);
  CHECK(descriptors_of(scene.program).at(1) == in_program);
  CHECK(wait_until([&] { return holders(scene, in_program) == std::set<pid_t>{scene.session, scene.program}; }));
}

TEST_CASE("privilege: each process is made of no more than it needs") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Scene scene;
  const std::string ground =
      "/(ld-linux[^/]*|lib(c|m|stdc\\+\\+|gcc_s|tomlplusplus|asan|ubsan)\\.so[.0-9]*|usher-[a-z]+)$";
  const std::string run = "^" + scene.usher.directory().path("run") + "/db/registry.db-(shm|sidecar)$";
  const std::string history = "^" + scene.usher.directory().path("state") + "/db/history.db-shm$";
  CHECK(all_match(mapped_by(scene.usher.starter()), ground));
  const std::string limits = "^" + scene.usher.directory().path("state") + "/db/limits.db-(shm|sidecar)$";
  CHECK(all_match(mapped_by(scene.listener), ground + "|/libsqlite3|" + run + "|" + limits));
  CHECK(all_match(mapped_by(scene.pool), ground + "|/libsqlite3|" + run + "|" + history));
  for (const pid_t login : {scene.idle_login, scene.login}) CHECK(all_match(mapped_by(login), ground));
  for (const pid_t worker : {scene.pattern, scene.idle, scene.session}) {
    const auto files = mapped_by(worker);
    CHECK(some_match(files, "/libpam\\.so"));
    CHECK(some_match(files, "/libssl\\.so"));
    CHECK(some_match(files, "/pam_unix\\.so"));  // before there is a client
    CHECK_FALSE(some_match(files, "/lib(Poco|sqlite3|dataqueue|usher)"));
  }
}

TEST_CASE("privilege: no memory of Usher's can be both written and run") {
  const Scene scene;
  for (const Rights& process : rights_of(scene)) {
    if (process.pid == scene.program) continue;
    CAPTURE(process.name);
    const std::vector<Region> regions = regions_of(process.pid);
    CHECK(regions.size() > 5);
    CHECK(std::none_of(regions.begin(), regions.end(), [](const Region& region) { return region.mode.starts_with("rwx"); }));
  }
}

TEST_CASE("privilege: the code of whom is forked lies on large pages, where the kernel gives any") {
  SKIP_UNLESS(!kSanitized, "a sanitized program is not linked for large pages");
  SKIP_UNLESS(has_large_pages(), "this kernel gives no large page");
  const Scene scene;
  for (const pid_t pid : {scene.pattern, scene.idle, scene.session}) {
    std::size_t large = 0;
    for (const Region& region : regions_of(pid)) {
      if (region.mode == "r-xp" && region.file.empty()) large += large_pages_of(pid, region.begin);
    }
    CHECK(large > 0);
  }
}

TEST_CASE("privilege: root opens no file that the user usher can write, from the start through a login to the end") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const std::vector<std::string> strace{"strace", "-D",   "-ff", "-y",
                                        "-s",     "4096", "-e",  "trace=%file,%process,setresuid"};
  std::vector<std::string> probe = strace;
  probe.insert(probe.end(), {"-o", "/dev/null", "true"});
  SKIP_UNLESS(run({"/bin/sh", "-c", "command -v strace"}).ending.code == 0 && run(probe).ending.code == 0,
              "needs strace");
  const uid_t usher_uid = ::getpwnam("usher")->pw_uid;
  const TemporaryDirectory traces;
  std::vector<std::string> traced = strace;
  traced.insert(traced.end(), {"-o", traces.path("trace"), "--"});
  pid_t starter = 0;
  Opened opened;
  {
    Installation usher({.programs = shell_program("fail", "echo to the log >&2; exit 1")}, traced);
    starter = usher.starter();
    CHECK(run_program(usher.address(), usual_account(), "fail").ends_with("902 status 1\r\n"));
    CHECK(run_program(usher.address(), usual_account(), "fail").ends_with("902 status 1\r\n"));
    CHECK(usher.reload().ending.code == 0);
    usher.process().signal(SIGTERM);
    usher.process().wait();
    opened = opened_below(traces.path("trace"), starter);
    for (const std::string& file : opened.by_root) {
      CAPTURE(file);
      CHECK_FALSE(can_be_changed_by(usher_uid, file));
    }
    // What is looked at is what there is to see.
    CHECK(opened.by_root.contains("/etc/shadow"));
    CHECK(opened.by_root.contains(usher.configuration()));
    CHECK(opened.by_others.contains(usher.directory().path("run/db/registry.db")));
    CHECK(can_be_changed_by(usher_uid, usher.directory().path("run/db/registry.db")));
    CHECK(some_match(opened.by_others, "/state/logs/[0-9a-f]{32}\\.log$"));
  }
}
