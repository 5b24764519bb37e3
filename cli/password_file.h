// A password from a file: its first line, without its end.
#pragma once

#include <string>

#include "base/secret.h"

namespace usher {

// Errors: std::system_error when it cannot be read; Error(not_authorized) when it belongs to a stranger or others than
// its
//         owner may read or write it; Error(invalid_argument) for an empty first line, or one longer than a line of the
//         dialog may be.
Secret read_password_file(const std::string& path);

}  // namespace usher
