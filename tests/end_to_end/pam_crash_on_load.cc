// pam_crash_on_load.so: ends the process that loads it.
#include <cstdlib>

namespace {
[[gnu::constructor]] void crash() { std::abort(); }
}  // namespace
