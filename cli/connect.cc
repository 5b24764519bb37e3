#include "cli/connect.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "base/clock.h"
#include "base/system.h"
#include "base/text.h"
#include "usher/error.h"

namespace usher {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65'535;
}

// 0, or why not.
int wait_for_connection(int fd, Instant deadline) {
  pollfd wait{fd, POLLOUT, 0};
  const int ready = retry([&] { return ::poll(&wait, 1, milliseconds_until(deadline)); });
  if (ready == 0) return ETIMEDOUT;
  int failed = 0;
  socklen_t length = sizeof failed;
  if (ready < 0 || ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &length) != 0) return errno;
  return failed;
}

// The socket, or none and errno.
UniqueFd try_to_connect(int family, const sockaddr* address, socklen_t length, Instant deadline) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fd;
  int failed = ::connect(fd.get(), address, length) == 0 ? 0 : errno;
  if (failed == EINPROGRESS) failed = wait_for_connection(fd.get(), deadline);
  if (failed == 0) return fd;
  fd.reset();
  errno = failed;
  return fd;
}

UniqueFd connect_to_path(const std::string& path, Instant deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error(ErrorCode::io, "the path of the socket is too long");
  path.copy(address.sun_path, path.size());
  const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
  UniqueFd fd = try_to_connect(AF_UNIX, generic, sizeof address, deadline);
  if (!fd) throw Error(ErrorCode::io, "cannot connect to " + printable(path), errno);
  return fd;
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Addresses addresses_of(const ServerAddress& server) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found);
  if (failed == 0) return {found, ::freeaddrinfo};
  throw Error(ErrorCode::io, "cannot find " + printable(server.host) + ": " + ::gai_strerror(failed));
}

}  // namespace

std::optional<ServerAddress> parse_server_address(const std::string& text) {
  if (text.starts_with(kUnixPrefix)) {
    if (text.size() == kUnixPrefix.size()) return {};
    return ServerAddress{text.substr(kUnixPrefix.size()), {}};
  }
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || !is_port(std::string_view(text).substr(colon + 1))) return {};
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return {};
  }
  if (host.empty()) return {};
  return ServerAddress{host, text.substr(colon + 1)};
}

UniqueFd connect_to(const ServerAddress& server, std::chrono::milliseconds patience) {
  if (server.is_unix()) return connect_to_path(server.host, Clock::now() + patience);
  int failed = 0;
  const Addresses addresses = addresses_of(server);
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    UniqueFd fd = try_to_connect(address->ai_family, address->ai_addr, address->ai_addrlen, Clock::now() + patience);
    if (fd) return fd;
    failed = errno;
  }
  throw Error(ErrorCode::io, "cannot connect to " + printable(server.host) + " port " + server.port, failed);
}

}  // namespace usher
