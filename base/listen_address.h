// Where a listener listens: a numeric IPv4 or IPv6 address with a port, or the path of a unix socket.
//
// Shape:  "127.0.0.1:4000", "[::1]:4000", "[::]:4000" (IPv6 only), "unix:/run/usher-generic.sock"; port 0: the kernel
// picks.
//         No host names: what an address means must not depend on a name server.
// Source: ip(7), ipv6(7), unix(7): a socket's path is at most 107 bytes.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace usher {

struct ListenAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::uint16_t port = 0;
  std::string path;  // of a unix socket; else empty

  const sockaddr* address() const noexcept { return static_cast<const sockaddr*>(static_cast<const void*>(&storage)); }
  bool is_unix() const noexcept { return storage.ss_family == AF_UNIX; }
  // The same with another port; a unix address stays as it is.
  ListenAddress with_port(std::uint16_t other) const noexcept;
  // Only this machine can reach it.
  bool is_local() const noexcept;
  // Both cannot be bound at one time: the same path, or the same port on the same or on every address of one family.
  bool clashes_with(const ListenAddress& other) const noexcept;
};

// Empty when the text is not an address; `objection` then says why, as a clause that follows "which".
std::optional<ListenAddress> parse_listen_address(std::string_view text, std::string_view* objection = nullptr);

}  // namespace usher
