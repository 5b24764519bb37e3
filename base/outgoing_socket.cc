#include "base/outgoing_socket.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>

namespace usher {
namespace {

constexpr unsigned kFlags = 13;  // the TCP header's byte of them; a TCP socket's filter sees its segments from that header on
constexpr unsigned kSyn = 2;
constexpr unsigned kWhole = 0xFFFF;

sock_filter load_byte(unsigned at) { return BPF_STMT(BPF_LD | BPF_B | BPF_ABS, at); }
sock_filter skip_unless(unsigned bits) { return BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1); }
sock_filter take(unsigned bytes) { return BPF_STMT(BPF_RET | BPF_K, bytes); }

}  // namespace

bool drop_new_connections(int listening) noexcept {
  int domain = 0;
  socklen_t length = sizeof domain;
  if (::getsockopt(listening, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain == AF_UNIX) return false;
  std::array filter{load_byte(kFlags), skip_unless(kSyn), take(0), take(kWhole)};
  const sock_fprog program{filter.size(), filter.data()};
  return ::setsockopt(listening, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

bool is_same_socket(int one, int other) {
  struct stat first {};
  struct stat second {};
  return ::fstat(one, &first) == 0 && ::fstat(other, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

}  // namespace usher
