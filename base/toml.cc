// Where toml++ is compiled; elsewhere it is declared only.
// Its assertions are wrong for some faulty texts (a date with a time that begins with no digit), which it refuses properly when it
// goes on: a fault of the configuration must not end whoever reads it.
#define TOML_ASSERT(condition) static_cast<void>(0)
#define TOML_IMPLEMENTATION
#include "base/toml.h"
