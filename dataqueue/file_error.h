// What the operating system says about a library's files, as errors of the library.
#pragma once

#include <cerrno>
#include <string>

#include "usher/error.h"

namespace usher {

ErrorCode code_of_errno(int error_number) noexcept;

[[noreturn]] void throw_file_error(const std::string& action, int error_number = errno);

}  // namespace usher
