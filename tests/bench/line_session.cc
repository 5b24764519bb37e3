#include "tests/bench/line_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <system_error>

#include "base/system.h"

namespace usher::bench {
namespace {

// Thousands of ports in the state TIME_WAIT would slow down who connects after this one.
void close_with_reset(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

}  // namespace

UniqueFd begin_connection(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  UniqueFd fd(check(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "make a client"));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);  // NOLINT: as connect(2) has it
  if (::connect(fd.get(), generic, sizeof address) != 0 && errno != EINPROGRESS) throw_errno("connect a client");
  return fd;
}

NewSession line_sessions(std::uint16_t port, Script script) {
  return [port, shared = std::make_shared<const Script>(std::move(script))] {
    return std::make_unique<LineSession>(port, shared);
  };
}

LineSession::LineSession(std::uint16_t port, std::shared_ptr<const Script> script)
    : fd_(begin_connection(port)), script_(std::move(script)) {
  if (!script_->until_closed) close_with_reset(fd_.get());
}

std::uint32_t LineSession::events() const { return EPOLLIN; }

Session::State LineSession::go_on() {
  std::array<char, 4096> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init): read fills it
  const ssize_t got = ::read(fd_.get(), bytes.data(), bytes.size());
  if (got > 0) return take({bytes.data(), static_cast<std::size_t>(got)});
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return State::under_way;
  if (got < 0) error_ = errno;
  return got == 0 && script_->until_closed && next_ == script_->steps.size() ? State::done : State::failed;
}

Session::State LineSession::take(std::string_view bytes) {
  for (const char byte : bytes) {
    if (byte != '\n') {
      line_ += byte;
    } else if (!take_line()) {
      return State::failed;
    }
  }
  return !script_->until_closed && next_ == script_->steps.size() ? State::done : State::under_way;
}

bool LineSession::take_line() {
  last_line_ = std::exchange(line_, "");
  if (next_ == script_->steps.size() || !last_line_.starts_with(script_->steps[next_].awaited)) return true;
  const std::string& answer = script_->steps[next_++].answer;
  const auto size = static_cast<ssize_t>(answer.size());
  if (size == 0 || ::send(fd_.get(), answer.data(), answer.size(), MSG_NOSIGNAL) == size) return true;
  error_ = errno;
  return false;
}

std::string LineSession::failure() const {
  const std::string awaited = next_ < script_->steps.size() ? script_->steps[next_].awaited : "the end";
  const std::string why = error_ == 0 ? "the server closed" : std::generic_category().message(error_);
  return why + " after \"" + last_line_ + "\" where \"" + awaited + "\" was awaited";
}

}  // namespace usher::bench
