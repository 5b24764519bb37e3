// Which library and queue a command means.
//
//   --library FILE NAME, or NAME with USHER_LIBRARY=FILE: the file outright, with the caller's rights
//   LIBRARY/NAME: <state_directory>/queues/<library>.db, which root opens as the service user
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_line.h"

namespace usher {

struct QueuePlace {
  std::string library;  // the file
  std::string queue;
};

// Errors: UsageError when no library is named, or two are.
QueuePlace place_of(const CommandLine& line, const std::string& operand);

// The files that `usher queue list` is about: one, or all of the state directory.
std::vector<std::string> libraries_of(const CommandLine& line, const std::optional<std::string>& operand);

}  // namespace usher
