// The ends of a connected stream socket, as the kernel names them.
//
// Shape:  text() is "192.0.2.7:40112", "[2001:db8::7]:40112" or "unix:/path" ("unix:" for a client without a name).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace usher {

struct Endpoint {
  enum class Family : std::uint8_t { ipv4, ipv6, local };

  Family family = Family::local;
  std::string host;  // numeric, without brackets; the path of a unix socket
  std::uint16_t port = 0;

  std::string text() const;
  // 127.0.0.0/8, ::1, and unix sockets: what is sent there does not cross a network.
  bool loopback() const;
  // The network a client is counted under: "192.0.2.0/24", "2001:db8::/64", "unix".
  std::string network() const;
};

// An address that the kernel has filled in. Errors: Error(invalid_argument) for a family that Usher does not listen on.
Endpoint endpoint_from(const sockaddr_storage& storage, socklen_t length);

// Errors: std::system_error; ENOTCONN when the connection is already gone.
Endpoint peer_of(int fd);
Endpoint local_end_of(int fd);

}  // namespace usher
