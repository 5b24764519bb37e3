// reporter: a program that tells what it was given, or misbehaves as it is told.
//
//   reporter                    one "key=value" a line, see kReports: ids, limits, signals, descriptors, environment,
//   ... reporter exit N             ends with that status reporter kill N             ends by that signal reporter
//   sleep              says "sleeping" and stays, signals as they were reporter ignore             says "ignoring",
//   ignores every signal that can be, and stays reporter signals FILE       says "waiting", then appends the number of
//   each signal that comes to FILE, one a line reporter daemon             leaves a process behind in a session of its
//   own, says its pid, ends reporter errors BYTES       writes that much to standard error, in lines of 64 bytes
//   reporter flood              writes, and never reads, until writing fails; then ends with status 1
//   reporter echo               sends back what comes; at its end says "end after N bytes"
//   reporter close              closes its three descriptors and stays
//   reporter burn               uses the processor until a limit ends it
//
// Nothing here stays longer than ten minutes, should whoever ought to end it never do so.
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr unsigned kLongestStay = 600;

void report(std::string_view key, const auto& value) {
  std::cout << key << '=' << value << '\n';
}

void report_ids() {
  std::array<unsigned, 3> ids{};
  getresuid(&ids[0], &ids[1], &ids[2]);
  std::cout << "uid=" << ids[0] << ' ' << ids[1] << ' ' << ids[2] << '\n';
  getresgid(&ids[0], &ids[1], &ids[2]);
  std::cout << "gid=" << ids[0] << ' ' << ids[1] << ' ' << ids[2] << '\n';
}

// In ascending order.
void report_groups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
  if (getgroups(static_cast<int>(groups.size()), groups.data()) < 0) groups.clear();
  std::sort(groups.begin(), groups.end());
  std::string text;
  for (const gid_t group : groups) text += (text.empty() ? "" : " ") + std::to_string(group);
  report("groups", text);
}

void report_process() {
  report("pid", getpid());
  report("parent", getppid());
  report("process_group", getpgid(0));
  report("session", getsid(0));
  report("nice", getpriority(PRIO_PROCESS, 0));
  const mode_t mask = umask(0);
  umask(mask);
  std::cout << "umask=" << std::oct << mask << std::dec << '\n';
  std::array<char, PATH_MAX> directory{};
  report("directory", getcwd(directory.data(), directory.size()) == nullptr ? "" : directory.data());
}

// The descriptor's target and, when it is non-blocking, " nonblocking".
void report_descriptors() {
  std::vector<int> open;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    open.push_back(std::stoi(entry.path().filename()));
  }
  std::sort(open.begin(), open.end());
  for (const int fd : open) {
    std::error_code gone;
    const auto target = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd), gone);
    if (gone) continue;  // the one that read the directory
    const bool nonblocking = (static_cast<unsigned>(fcntl(fd, F_GETFL)) & O_NONBLOCK) != 0;
    report("descriptor." + std::to_string(fd), target.string() + (nonblocking ? " nonblocking" : ""));
  }
}

// "soft hard", "unlimited" where there is none.
void report_limits() {
  struct Limit {
    const char* name;
    __rlimit_resource resource;
  };
  const auto shown = [](rlim_t value) { return value == RLIM_INFINITY ? "unlimited" : std::to_string(value); };
  for (const Limit& limit : std::array{Limit{"nofile", RLIMIT_NOFILE}, Limit{"nproc", RLIMIT_NPROC},
                                       Limit{"as", RLIMIT_AS}, Limit{"cpu", RLIMIT_CPU}, Limit{"fsize", RLIMIT_FSIZE},
                                       Limit{"core", RLIMIT_CORE}, Limit{"nice", RLIMIT_NICE}}) {
    rlimit values{};
    getrlimit(limit.resource, &values);
    report(std::string("limit.") + limit.name, shown(values.rlim_cur) + " " + shown(values.rlim_max));
  }
}

// The lines of /proc/self/status that say what the kernel lets this process do: SigBlk, CapEff, NoNewPrivs, Seccomp,
// ...
void report_status() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    const std::string name = line.substr(0, line.find(':'));
    if (name.starts_with("Sig") || name.starts_with("Cap") || name.starts_with("Seccomp") || name == "NoNewPrivs") {
      report("status." + name, line.substr(std::min(line.find_first_not_of(": \t", name.size()), line.size())));
    }
  }
  report("dumpable", prctl(PR_GET_DUMPABLE));
  int signal = 0;
  prctl(PR_GET_PDEATHSIG, &signal);
  report("parent_death_signal", signal);
  report("subreaper", [] {
    int is = 0;
    return prctl(PR_GET_CHILD_SUBREAPER, &is) == 0 && is != 0;
  }());
}

void report_environment() {
  for (char** variable = environ; *variable != nullptr; ++variable) std::cout << "environment." << *variable << '\n';
}

constexpr std::array kReports{report_ids,    report_groups, report_process,    report_descriptors,
                              report_limits, report_status, report_environment};

// Also the arguments, by number: argument.0 is the program.
int tell(int argc, char** argv) {
  for (int n = 0; n < argc; ++n) report("argument." + std::to_string(n), argv[n]);
  for (const auto part : kReports) part();
  return std::cout.flush() ? 0 : 1;
}

[[noreturn]] void stay() {
  for (unsigned left = kLongestStay; left > 0;) left = sleep(left);
  _exit(1);
}

void say(std::string_view text) {
  std::cout << text << std::endl;
}

int end_with(const std::string& status) {
  return std::stoi(status);
}

int end_by(const std::string& signal) {
  std::raise(std::stoi(signal));
  return 1;
}

int sleep_on(const std::string&) {
  say("sleeping");
  stay();
}

int ignore_signals(const std::string&) {
  for (int signal = 1; signal < NSIG; ++signal) std::signal(signal, SIG_IGN);
  say("ignoring");
  stay();
}

int note_signals(const std::string& file) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  say("waiting");
  for (int signal = 0; sigwait(&all, &signal) == 0 && signal != SIGALRM;) {
    std::ofstream(file, std::ios::app) << signal << std::endl;
  }
  return 1;
}

int leave_daemon(const std::string&) {
  const pid_t child = fork();
  if (child > 0) return waitpid(child, nullptr, 0) == child ? 0 : 1;
  setsid();
  const pid_t daemon = fork();
  if (daemon == 0) stay();
  say(std::to_string(daemon));
  _exit(0);
}

int write_errors(const std::string& bytes) {
  const std::string line = std::string(63, 'e') + '\n';
  for (std::size_t left = std::stoul(bytes); left > 0; left -= std::min(left, line.size())) {
    std::cerr << line.substr(line.size() - std::min(left, line.size()));
  }
  return std::cerr ? 0 : 1;
}

int flood(const std::string&) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::string block(65536, 'f');
  while (write(STDOUT_FILENO, block.data(), block.size()) > 0) {
  }
  return 1;
}

int echo(const std::string&) {
  std::array<char, 65536> buffer;
  std::size_t total = 0;
  for (ssize_t count = 0; (count = read(STDIN_FILENO, buffer.data(), buffer.size())) > 0;) {
    total += static_cast<std::size_t>(count);
    std::cout.write(buffer.data(), count).flush();
  }
  say("end after " + std::to_string(total) + " bytes");
  return std::cout ? 0 : 1;
}

int close_all(const std::string&) {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(fd);
  stay();
}

int burn(const std::string&) {
  for (volatile bool forever = true; forever;) {
  }
  return 1;
}

struct Mode {
  std::string_view name;
  int (*act)(const std::string& argument);
  bool takes_argument;
};

constexpr std::array kModes{
    Mode{"exit", end_with, true},          Mode{"kill", end_by, true},          Mode{"sleep", sleep_on, false},
    Mode{"ignore", ignore_signals, false}, Mode{"signals", note_signals, true}, Mode{"daemon", leave_daemon, false},
    Mode{"errors", write_errors, true},    Mode{"flood", flood, false},         Mode{"echo", echo, false},
    Mode{"close", close_all, false},       Mode{"burn", burn, false},
};

}  // namespace

int main(int argc, char** argv) {
  alarm(kLongestStay);
  for (const Mode& mode : kModes) {
    if (argc == (mode.takes_argument ? 3 : 2) && mode.name == argv[1])
      return mode.act(mode.takes_argument ? argv[2] : "");
  }
  return tell(argc, argv);
}
