// What `usher status` says of pools besides the starter's facts: the figures that pool and listener keep in the registry, and the
// settings they are to be read with.
#pragma once

#include <vector>

#include "base/configuration.h"
#include "worker/control_messages.h"

namespace usher {

// Errors: Error when the registry cannot be read.
std::vector<Fact> pool_figures(const ServerConfig& server);

}  // namespace usher
