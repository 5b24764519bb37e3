// How the pool is confined; see auth/sandbox.h.
#pragma once

#include "base/configuration.h"

namespace usher {

void confine_pool();
// With the first configuration.
void keep_pool_to_its_directories(const ServerConfig& server);

}  // namespace usher
