#include "base/channel.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

#include "base/shortage.h"
#include "base/system.h"

namespace usher {
namespace {

struct alignas(cmsghdr) ControlBuffer {
  std::array<std::uint8_t, CMSG_SPACE(sizeof(int) * kMaxDescriptors)> bytes{};
};

// Everything the kernel installed has an owner before anything can throw.
std::size_t collect_descriptors(msghdr& header, std::array<UniqueFd, kMaxDescriptors>& into) {
  std::size_t count = 0;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t here = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < here && count < into.size(); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
      into[count++].reset(fd);
    }
  }
  return count;
}

}  // namespace

bool Packet::leaves_few_descriptors(unsigned margins) const noexcept {
  return std::any_of(fds_.begin(), fds_.begin() + static_cast<std::ptrdiff_t>(descriptors_),
                     [&](const UniqueFd& fd) { return is_one_of_the_last(fd.get(), margins); });
}

Channel::Sent Channel::send_bytes(std::span<const std::uint8_t> bytes, std::span<const int> descriptors) const {
  if (descriptors.size() > kMaxDescriptors) throw ProtocolError("too many descriptors for one packet");
  if (!fd_) return Sent::gone;  // closed here: to the sender it is all the same
  iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  if (!descriptors.empty()) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size_bytes());
  }
  if (retry([&] { return ::sendmsg(fd(), &header, MSG_DONTWAIT | MSG_NOSIGNAL); }) >= 0) return Sent::done;
  if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) return Sent::full;
  if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) return Sent::gone;
  throw_errno("send on a channel");
}

Received Channel::receive(Packet& packet, std::size_t descriptors) const {
  return receive(packet, descriptors, MSG_DONTWAIT);
}

Received Channel::receive_blocking(Packet& packet, std::size_t descriptors) const { return receive(packet, descriptors, 0); }

Received Channel::receive(Packet& packet, std::size_t descriptors, int flags) const {
  explicit_bzero(packet.bytes_.data(), packet.size_);
  packet.size_ = packet.descriptors_ = 0;
  for (UniqueFd& fd : packet.fds_) fd.reset();

  iovec part{packet.bytes_.data(), packet.bytes_.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  ControlBuffer control;
  if (descriptors > 0) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_LEN(sizeof(int) * descriptors);  // not CMSG_SPACE, whose padding has room for one more
  }
  const auto receive_one = [&] { return retry([&] { return ::recvmsg(fd(), &header, flags | MSG_CMSG_CLOEXEC); }); };
  ssize_t got = receive_one();
  // A peer that went with unread packets in its buffer is told of first, and once; what it has said comes after that.
  if (got < 0 && errno == ECONNRESET) got = receive_one();
  if (got < 0) {
    if (errno == EAGAIN) return Received::nothing;
    if (errno == ECONNRESET) return Received::closed;
    throw_errno("receive on a channel");
  }
  packet.size_ = static_cast<std::size_t>(got);
  packet.descriptors_ = collect_descriptors(header, packet.fds_);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) throw ProtocolError("a packet or its descriptors were cut");
  return got == 0 ? Received::closed : Received::packet;
}

// Without room for any the kernel only says that there are some.
bool Channel::brings_descriptors() const {
  msghdr header{};
  return retry([&] { return ::recvmsg(fd(), &header, MSG_PEEK | MSG_DONTWAIT); }) >= 0 &&
         (header.msg_flags & MSG_CTRUNC) != 0;
}

Received Channel::wait_receive(Packet& packet, Instant deadline, std::size_t descriptors) const {
  while (true) {
    const Received received = receive(packet, descriptors);
    if (received != Received::nothing) return received;
    pollfd wait{fd(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, milliseconds_until(deadline));
    if (ready == 0 && Clock::now() >= deadline) return Received::nothing;
    if (ready < 0 && errno != EINTR) throw_errno("wait on a channel");
  }
}

void check_is_channel(int fd) {
  int type = 0;
  int domain = 0;
  socklen_t length = sizeof type;
  const bool is_socket = ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
                         ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0;
  if (!is_socket || type != SOCK_SEQPACKET || domain != AF_UNIX) throw ProtocolError("a descriptor is not a channel");
}

std::optional<ChannelPair> try_make_channel() try {
  ChannelPair pair = make_channel();
  if (is_one_of_the_last(pair.theirs.fd())) return std::nullopt;
  return pair;
} catch (const std::system_error& error) {
  if (is_shortage(error.code().value())) return std::nullopt;
  throw;
}

ChannelPair make_channel() {
  std::array<int, 2> ends{};
  check(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), "make a channel");
  return {Channel(UniqueFd(ends[0])), Channel(UniqueFd(ends[1]))};
}

}  // namespace usher
