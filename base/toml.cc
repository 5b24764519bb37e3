// Where toml++ is compiled; elsewhere it is declared only.
#define TOML_IMPLEMENTATION
#include "base/toml.h"
