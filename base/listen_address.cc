#include "base/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <charconv>
#include <cstring>

namespace usher {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

const sockaddr_in& as_ipv4(const ListenAddress& address) {
  return *static_cast<const sockaddr_in*>(static_cast<const void*>(&address.storage));
}
const sockaddr_in6& as_ipv6(const ListenAddress& address) {
  return *static_cast<const sockaddr_in6*>(static_cast<const void*>(&address.storage));
}

template <class Address>
void put(ListenAddress& to, const Address& address, socklen_t length) {
  std::memcpy(&to.storage, &address, sizeof address);
  to.length = length;
}

std::string_view parse_unix(std::string_view path, ListenAddress& parsed) {
  sockaddr_un address{};
  if (path.empty() || path.front() != '/') return "has no absolute path after \"unix:\"";
  if (path.size() >= sizeof address.sun_path) return "has a path longer than 107 bytes";
  if (path.back() == '/') return "ends in a slash";
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, path.size());
  put(parsed, address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1));
  parsed.path = path;
  return {};
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_ipv4(const std::string& host, ListenAddress& parsed) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(parsed.port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return false;
  put(parsed, address, sizeof address);
  return true;
}

bool parse_ipv6(const std::string& host, ListenAddress& parsed) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(parsed.port);
  if (inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) return false;
  put(parsed, address, sizeof address);
  return true;
}

std::string_view parse_inet(std::string_view text, ListenAddress& parsed) {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  if (colon == text.npos || (bracket != text.npos && colon < bracket)) return "has no port";
  if (!parse_port(text.substr(colon + 1), parsed.port)) return "has no port from 0 to 65535 after its last colon";
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    return parse_ipv6(std::string(host), parsed) ? std::string_view{} : "has no IPv6 address between its brackets";
  }
  if (host.find(':') != host.npos) return "has an IPv6 address without brackets";
  return parse_ipv4(std::string(host), parsed) ? std::string_view{} : "is not numeric";
}

}  // namespace

ListenAddress ListenAddress::with_port(std::uint16_t other) const noexcept {
  ListenAddress changed = *this;
  if (is_unix()) return changed;
  changed.port = other;
  if (storage.ss_family == AF_INET) {
    sockaddr_in address = as_ipv4(*this);
    address.sin_port = htons(other);
    put(changed, address, sizeof address);
  } else {
    sockaddr_in6 address = as_ipv6(*this);
    address.sin6_port = htons(other);
    put(changed, address, sizeof address);
  }
  return changed;
}

bool ListenAddress::is_local() const noexcept {
  if (is_unix()) return true;
  if (storage.ss_family == AF_INET) return (ntohl(as_ipv4(*this).sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET;
  return IN6_IS_ADDR_LOOPBACK(&as_ipv6(*this).sin6_addr);
}

bool ListenAddress::clashes_with(const ListenAddress& other) const noexcept {
  if (storage.ss_family != other.storage.ss_family) return false;
  if (is_unix()) return path == other.path;
  if (port != other.port || port == 0) return false;
  if (storage.ss_family == AF_INET) {
    const auto ours = as_ipv4(*this).sin_addr.s_addr;
    const auto theirs = as_ipv4(other).sin_addr.s_addr;
    return ours == theirs || ours == INADDR_ANY || theirs == INADDR_ANY;
  }
  const auto& ours = as_ipv6(*this).sin6_addr;
  const auto& theirs = as_ipv6(other).sin6_addr;
  return std::memcmp(&ours, &theirs, sizeof ours) == 0 || IN6_IS_ADDR_UNSPECIFIED(&ours) ||
         IN6_IS_ADDR_UNSPECIFIED(&theirs);
}

std::optional<ListenAddress> parse_listen_address(std::string_view text, std::string_view* objection) {
  ListenAddress parsed;
  std::string_view wrong;
  if (text.find('\0') != text.npos) {
    wrong = "has a NUL byte";
  } else if (text.starts_with(kUnixPrefix)) {
    wrong = parse_unix(text.substr(kUnixPrefix.size()), parsed);
  } else {
    wrong = parse_inet(text, parsed);
  }
  if (objection != nullptr) *objection = wrong;
  if (!wrong.empty()) return {};
  return parsed;
}

}  // namespace usher
