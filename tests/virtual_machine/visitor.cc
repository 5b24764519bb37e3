// visitor WORK [BYTES]: a program for sessions that does one thing with its connection and says what came of it.
//
//   what              whether its input and output are the client's socket, and whose work TLS on it is
//   take              reads to the end: "took BYTES good, then the end" (or "bad", or the error instead of the end)
//   give BYTES        writes the pattern
//   give-file BYTES   the same by sendfile(2)
//   give-hurriedly BYTES   the same without waiting in calls, and ends as soon as the kernel has taken the last
//   give-and-shut BYTES    the same, shuts its sending side down, then takes; what came of it is in its log
//   echo              writes what it reads
//   hold              nothing, until a signal ends it
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "base/system.h"
#include "base/unique_fd.h"
#include "tests/virtual_machine/pattern.h"

namespace usher::testing {
namespace {

constexpr std::size_t kPiece = 50'000;

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EAGAIN) {
      pollfd room{fd, POLLOUT, 0};
      ::poll(&room, 1, -1);
      continue;
    }
    bytes.remove_prefix(static_cast<std::size_t>(check(written, "write")));
  }
}

std::string what() {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const bool socket = ::getpeername(0, reinterpret_cast<sockaddr*>(&address), &size) == 0;  // NOLINT: its shape
  std::array<std::uint8_t, 4> info{};
  socklen_t info_size = info.size();
  constexpr int kLevelTls = 282, kSent = 1;
  const bool kernel = ::getsockopt(0, kLevelTls, kSent, info.data(), &info_size) == 0;
  return std::string(socket && address.ss_family == AF_INET ? "tcp" : "other") + (kernel ? " kernel" : "");
}

std::string take() {
  Pattern pattern;
  std::array<char, kPiece> piece{};
  std::size_t all = 0;
  bool good = true;
  ssize_t got = 0;
  while ((got = ::read(0, piece.data(), piece.size())) > 0) {
    good = pattern.continues({piece.data(), static_cast<std::size_t>(got)}) && good;
    all += static_cast<std::size_t>(got);
  }
  const std::string end = got == 0 ? "the end" : strerror(errno);
  return "took " + std::to_string(all) + (good ? " good, then " : " bad, then ") + end;
}

void give(std::size_t count) {
  Pattern pattern;
  for (std::size_t given = 0; given < count; given += kPiece) write_all(1, pattern.next(std::min(kPiece, count - given)));
}

void give_file(std::size_t count) {
  const UniqueFd file(check(::memfd_create("pattern", MFD_CLOEXEC), "make a file"));
  write_all(file.get(), Pattern().next(count));
  off_t at = 0;
  while (static_cast<std::size_t>(at) < count) check(::sendfile(1, file.get(), &at, count - static_cast<std::size_t>(at)), "sendfile");
}

void echo() {
  std::array<char, kPiece> piece{};
  ssize_t got = 0;
  while ((got = ::read(0, piece.data(), piece.size())) > 0) write_all(1, {piece.data(), static_cast<std::size_t>(got)});
}

void do_work(const std::string& work, std::size_t count) {
  if (work == "what") write_all(1, what() + "\n");
  if (work == "take") write_all(1, take() + "\n");
  if (work == "give" || work == "give-and-shut") give(count);
  if (work == "give-file") give_file(count);
  if (work == "give-hurriedly") {
    check(::fcntl(1, F_SETFL, O_NONBLOCK), "set a mode");
    give(count);
  }
  if (work == "give-and-shut") {
    ::signal(SIGHUP, SIG_IGN);  // a connection that both sides have shut is no longer one
    check(::shutdown(1, SHUT_WR), "shutdown");
    write_all(2, take() + "\n");
  }
  if (work == "echo") echo();
  if (work == "hold") ::pause();
}

}  // namespace
}  // namespace usher::testing

int main(int count, char** words) try {
  usher::testing::do_work(count > 1 ? words[1] : "", count > 2 ? std::stoul(words[2]) : 0);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "visitor: %s\n", error.what());
  return 1;
}
