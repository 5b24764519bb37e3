// Where this program's others are.
//
// Source: proc_pid_exe(5).
#pragma once

#include <string>

namespace usher {

// The directory this process's own executable stands in, with "/" at its end. Errors: std::system_error.
std::string own_directory();

}  // namespace usher
