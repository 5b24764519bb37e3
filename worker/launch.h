// Starts the client's program: the one place where a process of Usher becomes a user's.
//
// Model:  vfork, and in the child raw system calls in a fixed order: session, signals, descriptors, limits, identity (proven),
//         working directory as the user, "110" to the client, exec. The child shares this process's memory until exec, so it
//         allocates nothing and leaves its failure where the parent reads it.
// Source: vfork(2), DESIGN 3 and 5.4.
#pragma once

#include <string>
#include <vector>

#include "auth/account.h"
#include "base/configuration.h"
#include "base/unique_fd.h"

namespace usher {

inline constexpr std::size_t kMostMore = 4;

struct LaunchOrder {
  const Account& account;
  const ProgramConfig& program;
  std::vector<std::string> arguments;    // what the client adds to the command
  std::vector<std::string> environment;  // "NAME=VALUE"
  int connection = -1;                   // becomes standard input and output
  int standard_error = -1;
  std::string first_line;                // sent right before exec; may be empty
  std::vector<int> more{};               // at most kMostMore; these become 3, 4, ...
};

struct Launched {
  pid_t pid = 0;
  UniqueFd pidfd;
  bool home_missing = false;  // the working directory could not be entered: the program started in /
};

enum class LaunchStep : int {
  none, descriptors, priority, limits, identity, directory, first_line, exec
};
const char* name_of(LaunchStep step);

struct LaunchFailure {
  LaunchStep step = LaunchStep::none;
  int error_number = 0;
};

// Errors: LaunchFailure is thrown, with no process left; std::system_error when there can be no process at all.
Launched launch(const LaunchOrder& order);

}  // namespace usher
