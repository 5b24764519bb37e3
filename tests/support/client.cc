#include "tests/support/client.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "base/clock.h"
#include "base/system.h"

namespace usher::testing {
namespace {

constexpr std::size_t kTranscriptPiece = 2048;

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

AddressList resolve(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const int result = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  if (result != 0) throw ClientError(host + ":" + port + ": " + gai_strerror(result));
  return {list, freeaddrinfo};
}

// "[::1]:4000" and "127.0.0.1:4000" without the brackets.
std::pair<std::string, std::string> host_and_port(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

UniqueFd connect_unix(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  UniqueFd fd(check(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  check(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name), "connect " + path);
  return fd;
}

UniqueFd connect_tcp(const std::string& address, const std::string& from) {
  const auto [host, port] = host_and_port(address);
  const AddressList to = resolve(host, port);
  UniqueFd fd(check(::socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  if (!from.empty()) {
    const AddressList local = resolve(from, "0");
    check(::bind(fd.get(), local->ai_addr, local->ai_addrlen), "bind " + from);
  }
  check(::connect(fd.get(), to->ai_addr, to->ai_addrlen), "connect " + address);
  return fd;
}

UniqueFd connect_to(const std::string& address, const std::string& from) {
  constexpr std::string_view kUnix = "unix:";
  return address.starts_with(kUnix) ? connect_unix(address.substr(kUnix.size())) : connect_tcp(address, from);
}

// As a C string literal would have it, so that a transcript shows every byte.
std::string escaped(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    std::array<char, 5> code{};
    if (c == '\r')
      out += "\\r";
    else if (c == '\n')
      out += "\\n";
    else if (byte >= ' ' && byte < 0x7F)
      out += c;
    else if (std::snprintf(code.data(), code.size(), "\\x%02X", byte) > 0)
      out += code.data();
  }
  return out;
}

bool wait_for(int fd, short events, Instant deadline) {
  pollfd waiting{fd, events, 0};
  return check(retry([&] { return ::poll(&waiting, 1, milliseconds_until(deadline)); }), "poll") == 1;
}

}  // namespace

Client::Client(const std::string& address, const std::string& from) : fd_(connect_to(address, from)) {
  transcript_ = "-- connected to " + address + "\n";
}

void Client::send(std::string_view bytes) {
  const auto until = deadline();
  note("-> ", bytes);
  while (!bytes.empty()) {
    if (!wait_for(fd_.get(), POLLOUT, until)) fail("the peer reads nothing");
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0)
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    else if (errno != EAGAIN && errno != EINTR)
      fail("sending: " + std::generic_category().message(errno));
  }
}

void Client::send_line(std::string_view text) {
  send(std::string(text) + "\r\n");
}

std::string Client::read_line() {
  const auto until = deadline();
  std::size_t end = std::string::npos;
  while ((end = received_.find('\n')) == std::string::npos) {
    if (!fill_or_fail("a line", until)) fail("the connection ended, a line was awaited");
  }
  std::string line = take(end + 1);
  line.pop_back();
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string Client::expect_line(int code) {
  const std::string line = read_line();
  const std::string start = std::to_string(code) + " ";
  if (!line.starts_with(start)) fail("awaited " + start + "but got: " + escaped(line));
  return line.substr(start.size());
}

void Client::answer(int code, std::string_view line) {
  expect_line(code);
  send_line(line);
}

std::string Client::read_bytes(std::size_t count) {
  const auto until = deadline();
  while (received_.size() < count) {
    if (!fill_or_fail("bytes", until)) fail("the connection ended, bytes were awaited");
  }
  return take(count);
}

std::string Client::read_until_closed() {
  const auto until = deadline();
  while (fill_or_fail("the end", until)) {
  }
  return std::exchange(received_, {});
}

void Client::expect_closed() {
  const std::string rest = read_until_closed();
  if (!rest.empty()) fail("awaited the end but got: " + escaped(rest));
}

bool Client::is_reset() {
  const auto until = deadline();
  Got got = Got::bytes;
  while (got == Got::bytes) got = fill(until);
  return got == Got::reset;
}

bool Client::is_silent(std::chrono::milliseconds how_long) {
  return received_.empty() && fill(std::chrono::steady_clock::now() + how_long) == Got::nothing;
}

void Client::finish_sending() {
  note("-> ", "(half-close)");
  check(::shutdown(fd_.get(), SHUT_WR), "shutdown");
}

void Client::reset() {
  const linger at_once{1, 0};
  check(::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "SO_LINGER");
  fd_.reset();
}

std::string Client::local_address() const {
  sockaddr_storage name{};
  socklen_t length = sizeof name;
  auto* generic = reinterpret_cast<sockaddr*>(&name);
  check(::getsockname(fd_.get(), generic, &length), "getsockname");
  std::array<char, NI_MAXHOST> host{};
  std::array<char, NI_MAXSERV> port{};
  if (::getnameinfo(generic, length, host.data(), host.size(), port.data(), port.size(),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return "";
  }
  const bool v6 = name.ss_family == AF_INET6;
  return (v6 ? "[" : "") + std::string(host.data()) + (v6 ? "]:" : ":") + port.data();
}

Client::Got Client::fill(std::chrono::steady_clock::time_point deadline) {
  std::array<char, 65536> bytes;
  if (!wait_for(fd_.get(), POLLIN, deadline)) return Got::nothing;
  const ssize_t count = retry([&] { return ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT); });
  if (count < 0 && errno == ECONNRESET) return Got::reset;
  check(count, "recv");
  if (count == 0) return Got::end;
  const std::string_view piece(bytes.data(), static_cast<std::size_t>(count));
  note("<- ", piece);
  received_ += piece;
  return Got::bytes;
}

bool Client::fill_or_fail(std::string_view awaited, std::chrono::steady_clock::time_point deadline) {
  const Got got = fill(deadline);
  if (got == Got::reset) fail("the connection was reset, awaited was " + std::string(awaited));
  if (got == Got::nothing) fail("nothing came, awaited was " + std::string(awaited));
  return got == Got::bytes;
}

std::string Client::take(std::size_t count) {
  std::string front = received_.substr(0, count);
  received_.erase(0, count);
  return front;
}

void Client::note(std::string_view direction, std::string_view bytes) {
  transcript_ += direction;
  transcript_ += escaped(bytes.substr(0, kTranscriptPiece));
  if (bytes.size() > kTranscriptPiece) transcript_ += "... " + std::to_string(bytes.size()) + " bytes";
  transcript_ += '\n';
}

void Client::fail(const std::string& what) const {
  throw ClientError(what + "\n" + transcript_);
}

}  // namespace usher::testing
