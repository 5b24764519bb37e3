// From "HOST:PORT" to a connected socket.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace usher {

// Shape: "host.example:4000", "192.0.2.7:4000", "[2001:db8::7]:4000", "unix:/path": then the port is empty.
struct ServerAddress {
  std::string host;  // a path when it is a unix socket
  std::string port;

  bool is_unix() const noexcept { return port.empty(); }
};

// Empty when the text is of another shape.
std::optional<ServerAddress> parse_server_address(const std::string& text);

// Tries each address of the host, each for at most `patience`.
// Errors: Error(io) with the reason of the last.
UniqueFd connect_to(const ServerAddress& server, std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace usher
