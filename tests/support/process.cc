#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <map>
#include <stdexcept>

#include "base/clock.h"
#include "base/system.h"

namespace usher::testing {
namespace {

// Processes that write to it at one time do not overwrite each other: the kernel locks no offset of such a file.
UniqueFd make_memory_file(const char* name) {
  UniqueFd fd(check(::memfd_create(name, MFD_CLOEXEC), "memfd_create"));
  check(::fcntl(fd.get(), F_SETFL, O_APPEND), "F_SETFL");
  return fd;
}

UniqueFd make_input(std::string_view text) {
  UniqueFd fd = make_memory_file("input");
  for (std::size_t done = 0; done < text.size();) {
    done += static_cast<std::size_t>(check(::write(fd.get(), text.data() + done, text.size() - done), "write"));
  }
  check(::lseek(fd.get(), 0, SEEK_SET), "lseek");
  return fd;
}

std::string contents(const UniqueFd& file) {
  struct stat status {};
  check(::fstat(file.get(), &status), "fstat");
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  text.resize(static_cast<std::size_t>(check(::pread(file.get(), text.data(), text.size(), 0), "pread")));
  return text;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_for(const ProcessOptions& options) {
  std::map<std::string, std::string> by_name;
  const auto set = [&](const std::string& variable) { by_name[variable.substr(0, variable.find('='))] = variable; };
  for (char** variable = environ; !options.empty_environment && *variable != nullptr; ++variable) set(*variable);
  for (const std::string& variable : options.variables) set(variable);
  std::vector<std::string> result;
  result.reserve(by_name.size());
  for (const auto& [name, variable] : by_name) result.push_back(variable);
  return result;
}

void must(int error_number, const char* what) {
  if (error_number != 0) throw_errno(what, error_number);
}

// What happens between fork and exec.
class Actions {
 public:
  Actions() { must(posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init"); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }

  void place(int fd, int as) { must(posix_spawn_file_actions_adddup2(&actions_, fd, as), "adddup2"); }
  void enter(const std::string& directory) {
    if (!directory.empty()) must(posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str()), "addchdir");
  }
  void close_from(int fd) { must(posix_spawn_file_actions_addclosefrom_np(&actions_, fd), "addclosefrom"); }
  const posix_spawn_file_actions_t* get() const noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

// Default signals, none blocked, whatever the test runner has.
class Attributes {
 public:
  Attributes() {
    sigset_t signals;
    must(posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
    sigfillset(&signals);
    must(posix_spawnattr_setsigdefault(&attributes_, &signals), "setsigdefault");
    sigemptyset(&signals);
    must(posix_spawnattr_setsigmask(&attributes_, &signals), "setsigmask");
    must(posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK), "setflags");
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
  ~Attributes() { posix_spawnattr_destroy(&attributes_); }
  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

pid_t spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment,
            const Actions& actions) {
  const Attributes attributes;
  pid_t pid = -1;
  const int result = posix_spawnp(&pid, command.front().c_str(), actions.get(), attributes.get(),
                                  pointers(command).data(), pointers(environment).data());
  if (result != 0) throw_errno("start " + command.front(), result);
  return pid;
}

Ending ending_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {info.si_status, std::nullopt};
  return {std::nullopt, info.si_status};
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const ProcessOptions& options)
    : name_(command.front()), output_(make_memory_file("output")), error_output_(make_memory_file("errors")) {
  const UniqueFd input = make_input(options.input);
  Actions actions;
  actions.place(options.input_fd.value_or(input.get()), STDIN_FILENO);
  actions.place(options.output_fd.value_or(output_.get()), STDOUT_FILENO);
  actions.place(options.error_fd.value_or(error_output_.get()), STDERR_FILENO);
  actions.close_from(STDERR_FILENO + 1);  // what the test runner left open
  actions.enter(options.working_directory);
  pid_ = spawn(command, environment_for(options), actions);
  pidfd_ = UniqueFd(check(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open"));
}

Process::Process(Process&& other) noexcept
    : name_(std::move(other.name_)),
      output_(std::move(other.output_)),
      error_output_(std::move(other.error_output_)),
      pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      ending_(other.ending_) {}

Process::~Process() {
  if (pid_ < 0 || ending_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::signal(int number) const {
  if (!ending_) check(::kill(pid_, number), "kill " + name_);
}

std::string Process::output() const {
  return contents(output_);
}
std::string Process::error_output() const {
  return contents(error_output_);
}

bool Process::wait_for_text(std::string_view text, std::chrono::milliseconds patience) {
  return wait_for(output_, text, patience);
}
bool Process::wait_for_error_text(std::string_view text, std::chrono::milliseconds patience) {
  return wait_for(error_output_, text, patience);
}

bool Process::wait_for(const UniqueFd& stream, std::string_view text, std::chrono::milliseconds patience) {
  const auto is_there = [&] { return contents(stream).find(text) != std::string::npos; };
  return wait_until([&] { return is_there() || wait_for_end(std::chrono::milliseconds(0)); }, patience) && is_there();
}

Ending Process::wait(std::chrono::milliseconds patience) {
  const auto ending = wait_for_end(patience);
  if (!ending) throw std::runtime_error(name_ + " does not end\n" + output() + error_output());
  return *ending;
}

std::optional<Ending> Process::wait_for_end(std::chrono::milliseconds patience) {
  if (ending_) return ending_;
  pollfd waiting{pidfd_.get(), POLLIN, 0};
  const Instant deadline = Clock::now() + patience;
  if (check(retry([&] { return ::poll(&waiting, 1, milliseconds_until(deadline)); }), "poll") == 0) return std::nullopt;
  siginfo_t info{};
  check(retry([&] { return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED); }), "waitid");
  ending_ = ending_of(info);
  return ending_;
}

Result run(const std::vector<std::string>& command, const ProcessOptions& options, std::chrono::milliseconds patience) {
  Process process(command, options);
  const Ending ending = process.wait(patience);
  return {ending, process.output(), process.error_output()};
}

std::pair<UniqueFd, UniqueFd> make_stream_pair() {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair");
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace usher::testing
