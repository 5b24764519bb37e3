// For programs of this build that run behind Usher: with a sanitizer they need more addresses than the default limit allows.
#pragma once

#include "tests/support/skip.h"

namespace usher::testing {

// TOML, a key of [program.NAME].
inline constexpr const char* kRoomForSanitizer = kSanitized ? "limits = { memory = \"0\" }\n" : "";

}  // namespace usher::testing
