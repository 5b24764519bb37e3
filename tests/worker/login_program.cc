#include <fcntl.h>

#include "base/system.h"
#include "tests/worker/worker_harness.h"

namespace usher::testing {

UniqueFd login_program() { return UniqueFd(check(::open(USHER_LOGIN, O_PATH | O_CLOEXEC), "open " USHER_LOGIN)); }

}  // namespace usher::testing
