// usher start, stop, status and reload: the service as a whole.
#pragma once

#include <Poco/Util/OptionSet.h>

#include <span>
#include <string>

namespace usher {

Poco::Util::OptionSet start_options();
// Returns when every listener accepts and every pool has its first workers, or with what stands in the way and nothing left
// running. In the foreground this process becomes the starter.
int start_command(std::span<const std::string> arguments);

Poco::Util::OptionSet stop_options();
// Returns when everything is gone.
int stop_command(std::span<const std::string> arguments);

Poco::Util::OptionSet status_options();
int status_command(std::span<const std::string> arguments);
int reload_command(std::span<const std::string> arguments);
// Returns when the new processes are ready.
int restart_command(std::span<const std::string> arguments);

}  // namespace usher
