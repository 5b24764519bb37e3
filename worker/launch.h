// Starts the client's program: the one place where a process of Usher becomes a user's. What the child does is in
// launch_plan.h.
#pragma once

#include <string>
#include <vector>

#include "auth/account.h"
#include "base/configuration.h"
#include "base/unique_fd.h"
#include "worker/launch_plan.h"

namespace usher {

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

struct LaunchFailure {
  LaunchStep step = LaunchStep::none;
  int error_number = 0;
};

// Errors: LaunchFailure is thrown, with no process left; std::system_error when there can be no process at all.
Launched launch(const LaunchOrder& order);

// The array that exec takes: it points into `strings`.
std::vector<char*> pointers(std::vector<std::string>& strings);
// Where the program starts.
std::string directory_of(const ProgramConfig& program, const Account& account);

}  // namespace usher
