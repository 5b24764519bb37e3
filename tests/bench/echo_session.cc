#include "tests/bench/echo_session.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <utility>

#include "tests/bench/line_session.h"

namespace usher::bench {
namespace {

constexpr std::string_view kLine = "good morning\n";

}  // namespace

EchoSession::EchoSession(std::uint16_t port) : fd_(begin_connection(port)) {}

std::uint32_t EchoSession::events() const {
  return said_ ? EPOLLIN : EPOLLOUT;
}

Session::State EchoSession::go_on() {
  if (!std::exchange(said_, true)) {
    const ssize_t sent = ::send(fd_.get(), kLine.data(), kLine.size(), MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(kLine.size()) ? State::under_way : State::failed;
  }
  std::array<char, 64> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): recv fills it
  const ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
  if (got > 0) heard_.append(bytes.data(), static_cast<std::size_t>(got));
  if (got > 0 || (got < 0 && errno == EAGAIN)) return State::under_way;
  return heard_ == kLine ? State::done : State::failed;
}

NewSession echo_sessions(std::uint16_t port) {
  return [port] { return std::make_unique<EchoSession>(port); };
}

}  // namespace usher::bench
