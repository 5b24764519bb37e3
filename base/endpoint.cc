#include "base/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>
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

Endpoint from(const sockaddr_storage& storage, socklen_t length) {
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

using NameCall = int (*)(int, sockaddr*, socklen_t*);

Endpoint ask(NameCall call, int fd, const char* what) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  check(call(fd, reinterpret_cast<sockaddr*>(&storage), &length), what);  // NOLINT: the shape of getpeername()
  return from(storage, length);
}

[[noreturn]] void refuse(std::string_view address) {
  throw Error(ErrorCode::invalid_argument, "\"" + std::string(address) +
                                               "\" is not an address: write \"127.0.0.1:4000\", \"[::1]:4000\" or \"unix:/PATH\"");
}

template <class T>
SocketAddress pack(const T& address, std::size_t length = sizeof(T)) {
  SocketAddress packed;
  std::memcpy(&packed.storage, &address, sizeof address);
  packed.length = static_cast<socklen_t>(length);
  return packed;
}

SocketAddress local_address(std::string_view path, std::string_view whole) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (path.empty() || path[0] != '/' || path.size() >= sizeof local.sun_path) refuse(whole);
  std::copy(path.begin(), path.end(), &local.sun_path[0]);
  return pack(local, offsetof(sockaddr_un, sun_path) + path.size() + 1);
}

}  // namespace

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

SocketAddress socket_address(std::string_view address) {
  if (address.starts_with("unix:")) return local_address(address.substr(5), address);
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) refuse(address);
  std::string host(address.substr(0, colon));
  const std::string_view port_text = address.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) refuse(address);

  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    sockaddr_in6 ip{};
    ip.sin6_family = AF_INET6;
    ip.sin6_port = htons(port);
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &ip.sin6_addr) != 1) refuse(address);
    return pack(ip);
  }
  sockaddr_in ip{};
  ip.sin_family = AF_INET;
  ip.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &ip.sin_addr) != 1) refuse(address);
  return pack(ip);
}

}  // namespace usher
