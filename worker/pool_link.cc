#include "worker/pool_link.h"

#include <sys/socket.h>

#include "base/listen_address.h"

namespace usher {

void PoolLink::keep_log(UniqueFd read_end) {
  log_ = std::move(read_end);
  if (!channel_ || !channel_.send(LogPipe{}, log_.get())) reconnect();
}

void PoolLink::claim(std::string_view program, std::string_view user) {
  claim_ = {program, user};
  claim_waits_ = true;
  if (!channel_ || !channel_.send(claim_)) reconnect();
}

PoolLink::News PoolLink::hear() {
  Packet packet;
  const Received received = channel_.receive(packet, 0);
  if (received == Received::nothing) return News::nothing;
  if (received == Received::closed) return News::lost;
  switch (static_cast<PoolSays>(packet.kind())) {
    case PoolSays::retire: return News::retire;
    case PoolSays::granted: claim_waits_ = false; return News::granted;
    case PoolSays::denied: claim_waits_ = false; return News::denied;
  }
  throw ProtocolError("the pool said something unknown");
}

void PoolLink::reconnect() noexcept try {
  channel_ = Channel(UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  const auto address = parse_listen_address("unix:" + socket_path_);
  if (!address || ::connect(channel_.fd(), address->address(), address->length) != 0) return channel_.close();
  channel_.send(Resume{number_, id_.bytes});
  if (log_) channel_.send(LogPipe{}, log_.get());
  if (claim_waits_) channel_.send(claim_);
} catch (const std::exception&) {
  channel_.close();
}

}  // namespace usher
