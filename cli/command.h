// What `usher` can do: a row a command. A new command is a row in command_table.cc and a file.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>
#include <string_view>

namespace usher {

// Exit status of every command but `login` (login_status.h).
namespace status {
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;  // with a message on standard error
inline constexpr int kUsage = 2;
inline constexpr int kNothing = 3;  // nothing there: an empty queue, no such job
}  // namespace status

struct Command {
  std::string_view name;
  std::string_view summary;            // a line of `usher --help`
  std::string_view synopsis;           // what follows the name
  Poco::Util::OptionSet (*options)();  // for the help; none when the synopsis says it all
  // Gets what follows the name. An exception is a failure: UsageError is status 2, any other 1.
  int (*run)(std::span<const std::string> arguments);
};

std::span<const Command> commands();
const Command* find_command(std::string_view name);

}  // namespace usher
