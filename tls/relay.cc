#include "tls/relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/common_memory.h"
#include "base/idle_memory.h"
#include "base/system.h"
#include "tls/gathered_memory.h"

namespace usher {
namespace {

// So that one direction does not wait for ever for the other.
constexpr int kRounds = 8;

// Then a session is idle, and shall take no more memory than it must.
constexpr int kIdleMs = 1000;

bool must_wait() {
  return errno == EAGAIN;
}

}  // namespace

std::string_view Relay::Buffer::rest() const noexcept {
  return {reinterpret_cast<const char*>(bytes_.get()) + begin_, end_ - begin_};  // NOLINT: bytes as characters
}

std::span<std::uint8_t> Relay::Buffer::room() {
  if (!bytes_) bytes_.reset(new std::uint8_t[size_]);  // not filled with zeros
  return {bytes_.get(), size_};
}

void Relay::Buffer::fill(std::size_t count) noexcept {
  begin_ = 0;
  end_ = count;
}

void Relay::Buffer::give_back() noexcept {
  if (empty()) bytes_.reset();
}

bool Relay::run() {
  while (true) {
    const bool more_up = move_up();
    const bool more_down = move_down();
    if (over()) return !lost_;
    wait(more_up || more_down);
  }
}

// ---- from the client to the program ----

bool Relay::move_up() {
  up_waits_ = 0;
  for (int rounds = 0; rounds < kRounds && !up_over_; ++rounds) {
    send_up();
    if (!up_.empty()) return false;
    if (client_ended_) {
      end_up();
    } else if (!receive_up()) {
      return false;
    }
  }
  return !up_over_;
}

bool Relay::receive_up() {
  const ssize_t got = client_.receive(up_.room());
  if (got < 0) {
    must_wait() ? void(up_waits_ = client_.awaits()) : lose();
    return false;
  }
  up_.fill(static_cast<std::size_t>(got));
  client_ended_ = got == 0;
  return true;
}

// A program that reads no more is not the client's loss: what it still sends goes nowhere.
void Relay::send_up() {
  program_full_ = false;
  while (!up_.empty()) {
    const std::string_view rest = up_.rest();
    const ssize_t sent =
        retry([&] { return ::send(program_.get(), rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (sent < 0 && must_wait()) {
      program_full_ = true;
      return;
    }
    up_.take(sent < 0 ? rest.size() : static_cast<std::size_t>(sent));
  }
}

void Relay::end_up() {
  up_over_ = true;
  ::shutdown(program_.get(), SHUT_WR);
}

// ---- from the program to the client ----

bool Relay::move_down() {
  down_waits_ = 0;
  program_idle_ = false;
  for (int rounds = 0; rounds < kRounds && !down_over_; ++rounds) {
    if (!send_down()) return false;
    if (program_ended_) {
      if (!end_down()) return false;
    } else if (!receive_down()) {
      return false;
    }
  }
  return !down_over_;
}

// False when it has not all gone.
bool Relay::send_down() {
  while (!down_.empty()) {
    const ssize_t sent = client_.send(down_.rest());
    if (sent < 0) return wait_for_client();
    down_.take(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Relay::receive_down() {
  const std::span<std::uint8_t> room = down_.room();
  const ssize_t got = retry([&] { return ::recv(program_.get(), room.data(), room.size(), MSG_DONTWAIT); });
  program_idle_ = got < 0 && must_wait();
  if (program_idle_) return false;
  down_.fill(got > 0 ? static_cast<std::size_t>(got) : 0);
  program_ended_ = got <= 0;
  return true;
}

bool Relay::end_down() {
  if (client_.end() != 0) return wait_for_client();
  down_over_ = true;
  ::shutdown(connection_, SHUT_WR);
  return true;
}

bool Relay::wait_for_client() {
  must_wait() ? void(down_waits_ = client_.awaits()) : lose();
  return false;
}

// ---- both ----

// A side of which nothing is wanted is left out: its hang-up would be told again and again. But for the connection
// before its sending side is shut down: then a hang-up means that it is dead.
void Relay::wait(bool more) {
  const int client = up_waits_ | down_waits_;
  const int program = (program_full_ ? POLLOUT : 0) | (program_idle_ && !program_ended_ ? POLLIN : 0);
  const bool watch_program = program != 0 || (down_over_ && !program_gone_);
  std::array<pollfd, 3> fds{{{client != 0 || !down_over_ ? connection_ : -1, static_cast<short>(client), 0},
                             {watch_program ? program_.get() : -1, static_cast<short>(program), 0},
                             {worker_.fd(), 0, 0}}};
  const auto poll_for = [&](int patience) {
    return check(retry([&] { return ::poll(fds.data(), fds.size(), patience); }), "wait in a relay");
  };
  if (poll_for(more ? 0 : kIdleMs) == 0 && !more) {
    give_back();
    poll_for(-1);
  }
  if ((fds[0].revents & (POLLERR | POLLNVAL)) != 0) lost_ = true;
  if (client == 0 && !more && fds[0].revents != 0) lost_ = true;
  if (down_over_ && (fds[1].revents & POLLHUP) != 0) program_gone_ = true;
  if (fds[2].revents != 0) lost_ = true;
}

void Relay::give_back() noexcept {
  up_.give_back();
  down_.give_back();
  client_.be_idle();
  tls::give_large_pieces_back();
  give_memory_back();
  if (!std::exchange(gave_common_back_, true)) give_common_memory_back();
}

}  // namespace usher
