// What PAM alone takes: processes that do nothing but log an account in, from pam_start to pam_end, again and again. The modules
// are loaded and unloaded each time, as by any server that starts PAM for each client.
#pragma once

#include <chrono>
#include <string>

#include "tests/bench/load.h"

namespace usher::bench {

LoadResult log_in_barely(const std::string& account, unsigned processes, std::chrono::milliseconds time);

}  // namespace usher::bench
