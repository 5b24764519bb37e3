// What is in the log, where it goes, and what is nowhere: secrets.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "base/system.h"
#include "tests/end_to_end/processes.h"
#include "tests/end_to_end/visitors.h"
#include "tests/support/accounts.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"

using namespace usher::testing;

namespace {

const std::string kEvent = "(info|notice|warning|error): [a-z_]+( [a-z]+=([^ \"]+|\"([^\"\\\\]|\\\\.)*\"))*$";
const std::string kLine =
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z usher-(starter|listener|pool|worker)\\[[0-9]+\\]: " + kEvent;

std::vector<std::string> lines_with(const std::string& log, const std::string& text) {
  std::vector<std::string> found;
  std::istringstream lines(log);
  for (std::string line; std::getline(lines, line);) {
    if (line.find(text) != std::string::npos) found.push_back(line);
  }
  return found;
}

void check_lines(const std::string& log, const std::string& pattern) {
  const std::regex regex(pattern);
  for (const std::string& line : lines_with(log, "")) {
    CAPTURE(line);
    CHECK(std::regex_match(line, regex));
  }
}

bool has_control_bytes(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n') || byte == 0x7F;
  });
}

// User names that would be a line, or an end of their value, if they were not quoted.
const std::vector<std::string> kForgeries{
    "x\rinfo: ready configuration=forged pid=1",
    "x\" user=root reason=\"ok",
    "x\\\" user=root reason=\\\"ok",
    "\\",
    "\"",
    "x user=root",
    "\x1B[2J\x1B[1;1Hforged",
    "\x7F\b\b\b\b\bforged",
    "\xC2\x85 next line, and \xE2\x80\xA8 line separator",
    std::string(1000, '"'),
    "%s%n%1000000d",
};

const std::string kWrong = "Not-The-Password-71c9";

// All that a process shows of itself to others.
std::string shown_by(pid_t pid) {
  return command_line_of(pid) + "\n" + environment_of(pid) + "\n";
}

std::string shown_by_all(const Installation& usher) {
  std::string all = shown_by(usher.starter());
  for (const ProcessEntry& process : descendants_of(usher.starter())) all += shown_by(process.pid);
  return all;
}

// Registry, history, job logs and everything else on disk.
std::string all_files(const TemporaryDirectory& directory) {
  std::string all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path())) {
    if (entry.is_regular_file()) all += read_file(entry.path());
  }
  return all;
}

class DatagramSocket {
 public:
  explicit DatagramSocket(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.copy(name.sun_path, sizeof name.sun_path - 1);
    usher::check(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), "bind " + path);
  }

  // Everything up to the datagram that has the text.
  std::vector<std::string> read_until(const std::string& text) {
    std::vector<std::string> all;
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    do {
      std::string bytes(4096, '\0');
      const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
      if (got < 0) break;
      bytes.resize(static_cast<std::size_t>(got));
      all.push_back(bytes);
    } while (all.back().find(text) == std::string::npos);
    return all;
  }

 private:
  usher::UniqueFd fd_;
};

}  // namespace

TEST_CASE(
    "log: each event is one line: start, refusal and why, login, program and its end, restart, configuration, stop") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  Installation usher({.programs = kWho + shell_program("fail", "exit 7")});
  CHECK(run_program(usher.address(), usual_account(), "fail").ends_with("902 status 7\r\n"));
  Client client(usher.address());
  client.answer(100, "nobody-here");
  client.answer(101, "x");
  client.expect_line(900);
  CHECK(usher.reload().ending.code == 0);
  signal_to(usher.service("usher-pool"), SIGKILL);
  CHECK(usher.wait_for_log("service_restarted service=pool times=1"));
  client.close();
  usher.process().signal(SIGTERM);
  usher.process().wait();

  const std::string log = usher.log();
  check_lines(log, kLine);
  const std::string user = usual_account();
  for (const std::string& event :
       {std::string(" listening listener=generic address=127.0.0.1:"), std::string(" ready configuration="),
        " login_accepted job=[^ ]+ listener=generic client=127.0.0.1:[0-9]+ user=" + user + "\n",
        " program_started job=[^ ]+ user=" + user + " program=fail client=127.0.0.1:[0-9]+ pid=[0-9]+ transport=plain\n",
        " program_ended job=[^ ]+ user=" + user + " program=fail end=\"status 7\" reason=\"\" ms=[0-9]+\n",
        std::string(" login_refused job=[^ ]+ listener=generic client=[^ ]+ user=nobody-here reason=\"[^\"]+\"\n"),
        std::string(" configuration generation=2\n"),
        std::string(" service_ended service=pool end=\"signal SIGKILL\" reason="), std::string(" stop drain=no\n"),
        std::string(" stopped\n")}) {
    CAPTURE(event);
    CHECK(std::regex_search(log, std::regex(event)));
  }
  CHECK(lines_with(log, " program_ended ").size() == 1);
}

TEST_CASE("log: a hostile user name cannot forge a line or a value") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho, .listener = "login_tries = 20"});
  Client client(usher.address());
  for (const std::string& name : kForgeries) {
    client.answer(100, name);
    client.answer(101, "x");
    client.expect_line(900);
  }
  const auto refusals = [&] { return lines_with(usher.log(), " login_refused "); };
  CHECK(wait_until([&] { return refusals().size() == kForgeries.size(); }));
  const std::string log = usher.log();
  check_lines(log, kLine);
  CHECK_FALSE(has_control_bytes(log));
  CHECK(log.find("\xC2\x85") == std::string::npos);
  for (const std::string& line : refusals()) {
    CAPTURE(line);
    CHECK(std::regex_search(line, std::regex(" reason=\"[^\"\\\\]*\"$")));
    CHECK_FALSE(std::regex_search(line, std::regex("^[^\"]* user=root")));
  }
  CHECK(lines_with(log, "]: info: ready ").size() == 1);
}

TEST_CASE("log: no secret is in a log, a file, a command line or an environment, before, during and after its use") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const Installation usher({.programs = shell_program("stay", "echo on; echo said >&2; cat; exit 1")});
  const std::string secret = usual_account() + "-secret";
  std::string shown;
  Client client(usher.address());
  client.answer(100, usual_account());
  client.answer(101, kWrong);
  shown += shown_by_all(usher);
  client.expect_line(900);
  client.answer(100, usual_account());
  client.answer(101, secret);
  client.expect_line(102);
  shown += shown_by_all(usher) + all_files(usher.directory());
  client.send_line("stay");
  client.expect_line(110);
  CHECK(client.read_line() == "on");
  CHECK(wait_until([&] { return usher.job_of(client).at("status") == "active"; }));
  shown += shown_by_all(usher) + all_files(usher.directory());
  client.finish_sending();
  client.read_until_closed();
  CHECK(wait_until([&] { return usher.jobs_with("end", "status 1").size() == 1; }));
  shown += all_files(usher.directory()) + usher.log() + usher.usher({"jobs", "--all", "--json"}).output;
  CHECK(shown.find(usual_account()) != std::string::npos);
  CHECK(shown.find("USHER_PROGRAM=stay") != std::string::npos);
  CHECK(shown.find("said\n") != std::string::npos);
  for (const std::string& never : {secret, kWrong}) CHECK(shown.find(never) == std::string::npos);
}

TEST_CASE("log: a process that may know a secret leaves no core") {
  SKIP_UNLESS(!kSanitized, "a sanitizer forbids cores itself");
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const TemporaryDirectory directory;
  const std::vector<std::string> with_cores{"/bin/sh", "-c", "ulimit -c unlimited && cd \"$0\" && exec \"$@\"",
                                            directory.path()};
  const auto is_empty = [&] { return std::filesystem::is_empty(directory.path()); };
  std::vector<std::string> crash = with_cores;
  crash.insert(crash.end(), {"/bin/sh", "-c", "kill -SEGV $$"});
  run(crash);
  SKIP_UNLESS(!is_empty(), "needs a machine that writes a core file into the working directory");
  for (const auto& core : std::filesystem::directory_iterator(directory.path())) std::filesystem::remove(core);

  const Installation usher({.programs = kWho}, with_cores);
  Client first(usher.address());
  first.answer(100, usual_account());
  first.expect_line(101);
  Client second(usher.address());
  second.answer(100, usual_account());
  second.expect_line(101);
  const pid_t worker = worker_of(usher, first);
  const pid_t login = children_of(worker_of(usher, second)).at(0).pid;
  CHECK(std::filesystem::read_symlink("/proc/" + std::to_string(worker) + "/cwd") == directory.path());
  for (const pid_t pid : {worker, login, template_of(usher)}) {
    CHECK(
        read_file("/proc/" + std::to_string(usher.starter()) + "/limits").find("Max core file size        unlimited") !=
        std::string::npos);
    signal_to(pid, SIGSEGV);
    CHECK(wait_until([&] { return !is_running(pid); }));
  }
  CHECK(is_empty());
}

TEST_CASE("log: in the background it goes to syslog, with the same words") {
  SKIP_UNLESS(in_private_etc() && !single_uid(), "needs root and the test accounts");
  const TemporaryDirectory directory;
  DatagramSocket syslog(directory.path("syslog"));
  directory.write("dev/README", "");
  // A /dev of its own, whose log is ours.
  const std::string own_dev =
      "mount -t tmpfs none \"$0/dev\" && cp -a /dev/null /dev/zero /dev/urandom \"$0/dev\" && "
      "ln -s \"$0/syslog\" \"$0/dev/log\" && mount --move \"$0/dev\" /dev && exec \"$@\"";
  const std::string address = "unix:" + directory.path("front.sock");
  const std::string configuration = write_configuration(directory, {.programs = kWho, .address = address});
  const Background usher(
      configuration, {"unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", own_dev, directory.path()});
  REQUIRE(usher.start().ending.code == 0);
  CHECK(run_program(address, usual_account(), "who").starts_with(usual_account()));
  const std::vector<std::string> lines = syslog.read_until("program_ended");
  // <facility daemon, severity>Mmm dd hh:mm:ss program[pid]: as in the foreground
  const std::regex line("^<(27|28|29|30)>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} usher-[a-z]+\\[[0-9]+\\]: " + kEvent);
  std::string all;
  for (const std::string& datagram : lines) {
    CAPTURE(datagram);
    if (datagram.starts_with("<8")) continue;  // PAM's modules, with their own facility
    CHECK(std::regex_match(datagram, line));
    all += datagram + "\n";
  }
  for (const char* event : {" ready ", " login_accepted ", " program_started ", " program_ended "}) {
    CHECK(lines_with(all, event).size() == 1);
  }
  for (const ProcessEntry& process : descendants_of(usher.pid())) {
    for (const int fd : {0, 1, 2}) {
      const auto descriptors = descriptors_of(process.pid);
      if (descriptors.empty()) continue;  // it has ended meanwhile
      const bool is_login = status_of(process.pid, "Seccomp") == "2";
      if (!is_login) CHECK(descriptors.at(fd) == "/dev/null");
    }
  }
}

TEST_CASE("log: under a service manager's journal each line has its severity in front and no time of its own") {
  SKIP_UNLESS(in_private_etc(), "needs the test accounts");
  const Installation usher({.programs = kWho},
                           {"/bin/sh", "-c", "JOURNAL_STREAM=$(stat -Lc %d:%i /proc/self/fd/2) exec \"$0\" \"$@\""});
  CHECK(run_program(usher.address(), usual_account(), "who").starts_with(usual_account()));
  CHECK(wait_until([&] { return usher.log().find("program_ended") != std::string::npos; }));
  check_lines(usher.log(), "^<[3-6]>usher-(starter|listener|pool|worker)\\[[0-9]+\\]: " + kEvent);
}
