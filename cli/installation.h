// The Usher that a command is about: its directories, from the configuration.
#pragma once

#include <string>

#include "base/configuration.h"

namespace usher {

// [server] of the configuration, as far as it can be read: a mistake elsewhere must not keep anybody from stopping Usher.
// Errors: Error(configuration) when there is no such file, or a syntax fault stands before or in [server].
ServerConfig server_of(const std::string& configuration);

// Run by root, this process becomes the service user, for good: root opens neither registry nor history nor logs.
void give_up_root(const ServerConfig& server);

}  // namespace usher
