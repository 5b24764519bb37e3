#include <Poco/Util/Option.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <iostream>

#include "base/log.h"
#include "base/pipe.h"
#include "base/system.h"
#include "base/unique_fd.h"
#include "cli/command.h"
#include "cli/command_line.h"
#include "cli/service_commands.h"

namespace usher {
namespace {

// Beside this program, as in a built tree, or where it is installed.
std::string starter_path() {
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "usher-starter";
  return std::filesystem::exists(beside) ? beside.string() : std::string(USHER_LIBEXEC) + "/usher-starter";
}

[[noreturn]] void execute_starter(std::vector<std::string> words) {
  words.insert(words.begin(), starter_path());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  throw_errno("execute " + words[0]);
}

[[noreturn]] void be_starter_in_background(const std::string& configuration, int ready) {
  ::setsid();
  check(::chdir("/"), "leave the working directory");
  const UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
  check(::dup2(null.get(), STDIN_FILENO), "set standard input");
  execute_starter({"--config", configuration, "--log", log::name_of(log::Target::syslog), "--ready-fd", std::to_string(ready)});
}

// True when the starter has said that it is ready; false when it ended before that, with the reason on standard error.
bool wait_until_ready(pid_t starter, UniqueFd ready) {
  char said = 0;
  if (retry([&] { return ::read(ready.get(), &said, 1); }) == 1) return true;
  ::waitpid(starter, nullptr, 0);
  return false;
}

int start_in_background(const std::string& configuration) {
  Pipe ready = make_pipe();
  const pid_t starter = check(::fork(), "start usher-starter");
  if (starter == 0) {
    try {
      check(::fcntl(ready.write.get(), F_SETFD, 0), "pass a descriptor");
      be_starter_in_background(configuration, ready.write.get());
    } catch (const std::exception& error) {
      std::cerr << "usher: " << error.what() << std::endl;
      _exit(status::kFailed);
    }
  }
  ready.write.reset();
  if (!wait_until_ready(starter, std::move(ready.read))) return status::kFailed;
  std::cout << "Usher is running (process " << starter << "); its log goes to syslog\n";
  return status::kDone;
}

}  // namespace

Poco::Util::OptionSet start_options() {
  using Poco::Util::Option;
  auto options = configuration_options();
  options.addOption(Option("foreground", "f", "stay in the foreground and log to standard error"));
  return options;
}

int start_command(std::span<const std::string> arguments) {
  const CommandLine line(start_options(), arguments);
  line.check_operands(0, 0);
  const std::string configuration = std::filesystem::absolute(line.configuration()).lexically_normal().string();
  if (!line.has("foreground")) return start_in_background(configuration);
  execute_starter({"--config", configuration, "--log", log::name_of(log::foreground_target())});
}

}  // namespace usher
