#include "base/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "base/system.h"
#include "usher/error.h"

namespace usher {
namespace {

// The kernel's addresses are read by copying: no cast decides what bytes mean.
template <class T>
T as(const sockaddr_storage& storage) {
  T address;
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

std::string numeric(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, address, text.data(), text.size()) == nullptr) throw_errno("write an address");
  return text.data();
}

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Endpoint ask(NameCall call, int fd, const char* what) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  check(call(fd, reinterpret_cast<sockaddr*>(&storage), &length), what);  // NOLINT: the shape of getpeername()
  return endpoint_from(storage, length);
}

}  // namespace

Endpoint endpoint_from(const sockaddr_storage& storage, socklen_t length) {
  switch (storage.ss_family) {
    case AF_INET: {
      const auto ip = as<sockaddr_in>(storage);
      return {Endpoint::Family::ipv4, numeric(AF_INET, &ip.sin_addr), ntohs(ip.sin_port)};
    }
    case AF_INET6: {
      const auto ip = as<sockaddr_in6>(storage);
      return {Endpoint::Family::ipv6, numeric(AF_INET6, &ip.sin6_addr), ntohs(ip.sin6_port)};
    }
    case AF_UNIX: {
      const auto local = as<sockaddr_un>(storage);
      const std::size_t room = length - std::min<std::size_t>(length, offsetof(sockaddr_un, sun_path));
      const std::size_t size = std::min(room, sizeof local.sun_path);
      return {Endpoint::Family::local, std::string(&local.sun_path[0], strnlen(&local.sun_path[0], size)), 0};
    }
    default: throw Error(ErrorCode::invalid_argument, "a socket of an unknown address family");
  }
}

std::string Endpoint::text() const {
  switch (family) {
    case Family::ipv4: return host + ":" + std::to_string(port);
    case Family::ipv6: return "[" + host + "]:" + std::to_string(port);
    case Family::local: return "unix:" + host;
  }
  return {};
}

bool Endpoint::loopback() const {
  switch (family) {
    case Family::ipv4: return host.starts_with("127.");
    case Family::ipv6: return host == "::1";
    case Family::local: return true;
  }
  return false;
}

std::string Endpoint::network() const {
  switch (family) {
    case Family::ipv4: return host.substr(0, host.rfind('.')) + ".0/24";
    case Family::ipv6: {
      in6_addr ip{};
      inet_pton(AF_INET6, host.c_str(), &ip);
      std::fill(&ip.s6_addr[8], &ip.s6_addr[0] + sizeof ip.s6_addr, std::uint8_t{0});
      return numeric(AF_INET6, &ip) + "/64";
    }
    case Family::local: return "unix";
  }
  return {};
}

Endpoint peer_of(int fd) { return ask(::getpeername, fd, "ask who the peer is"); }

Endpoint local_end_of(int fd) { return ask(::getsockname, fd, "ask for the local address"); }

}  // namespace usher
