#include "cli/byte_join.h"

#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/system.h"

namespace usher {
namespace {

constexpr std::size_t kPiece = 65'536;
// What poll promises to take without blocking, where the output is a pipe (pipe(7)).
constexpr std::size_t kOutputPiece = PIPE_BUF;

bool is_end_of_connection(int error_number) {
  return error_number == EPIPE || error_number == ECONNRESET;
}

// Nothing wanted: the descriptor is left out, for its end would be told again and again.
pollfd wanted(int fd, int events) {
  return {events == 0 ? -1 : fd, static_cast<short>(events), 0};
}

}  // namespace

void ByteJoin::Bytes::put(std::string_view more) {
  bytes.erase(0, written);
  written = 0;
  bytes += more;
}

std::optional<int> ByteJoin::run(std::string_view first) {
  take_down(first);
  while (!output_gone_ && !(down_over_ && down_.empty())) wait_and_move();
  return status_;
}

void ByteJoin::wait_and_move() {
  std::array<pollfd, 3> fds{
      wanted(input_, wants_input() ? POLLIN : 0),
      wanted(socket_, (wants_server() ? POLLIN : 0) | (up_.empty() || up_over_ ? 0 : POLLOUT)),
      pollfd{output_, static_cast<short>(down_.empty() ? 0 : POLLOUT), 0},
  };
  check(retry([&] { return ::poll(fds.data(), fds.size(), -1); }), "wait for input");
  if (fds[0].revents != 0) read_input();
  if (fds[1].revents != 0 && wants_server()) receive_down();
  if (!up_over_) send_up();
  if ((fds[2].revents & (POLLERR | POLLNVAL)) != 0) output_gone_ = true;
  if (!down_.empty() && !output_gone_ && fds[2].revents != 0) write_down();
}

// A terminal that is gone (EIO) and a descriptor that is not open are ends like any other.
void ByteJoin::read_input() {
  std::array<char, kPiece> bytes;
  const ssize_t got = retry([&] { return ::read(input_, bytes.data(), bytes.size()); });
  if (got > 0) {
    up_.put({bytes.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || errno == EIO || errno == EBADF) {
    input_over_ = true;
  } else if (errno != EAGAIN) {
    throw_errno("read standard input");
  }
}

void ByteJoin::send_up() {
  while (!up_.empty()) {
    const std::string_view rest = up_.rest();
    const ssize_t sent = retry([&] { return ::send(socket_, rest.data(), rest.size(), MSG_DONTWAIT | MSG_NOSIGNAL); });
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0 && !is_end_of_connection(errno)) throw_errno("send to the server");
    if (sent < 0) {
      up_over_ = true;
      return;
    }
    up_.written += static_cast<std::size_t>(sent);
  }
  if (input_over_) end_up();
}

void ByteJoin::end_up() {
  up_over_ = true;
  if (::shutdown(socket_, SHUT_WR) != 0 && errno != ENOTCONN) throw_errno("end sending to the server");
}

void ByteJoin::receive_down() {
  std::array<char, kPiece> bytes;
  const ssize_t got = retry([&] { return ::recv(socket_, bytes.data(), bytes.size(), MSG_DONTWAIT); });
  if (got > 0) {
    take_down({bytes.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || is_end_of_connection(errno)) {
    end_down();
  } else if (errno != EAGAIN) {
    throw_errno("receive from the server");
  }
}

void ByteJoin::take_down(std::string_view bytes) {
  if (with_result_) {
    down_.put(filter_.pass(bytes));
  } else {
    down_.put(bytes);
  }
}

void ByteJoin::end_down() {
  down_over_ = true;
  const ResultFilter::End end = filter_.finish();
  down_.put(end.rest);
  status_ = end.status;
}

void ByteJoin::write_down() {
  const std::string_view piece = down_.rest().substr(0, kOutputPiece);
  const ssize_t written = retry([&] { return ::write(output_, piece.data(), piece.size()); });
  if (written >= 0) {
    down_.written += static_cast<std::size_t>(written);
  } else if (errno == EPIPE || errno == EIO) {
    output_gone_ = true;
  } else if (errno != EAGAIN) {
    throw_errno("write standard output");
  }
}

}  // namespace usher
