#include "worker/pool_link.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/listen_address.h"
#include "base/system.h"

namespace usher {

PoolLink::PoolLink(Channel channel, std::string socket_path, std::uint32_t number, JobId id)
    : channel_(std::move(channel)), socket_path_(std::move(socket_path)) {
  now_.number = number;
  now_.id = id.bytes;
}

void PoolLink::took_client(std::string_view listener, std::string_view client) {
  now_.stage = JobStage::login;
  now_.listener = listener;
  now_.client = client;
  say(TookClient{listener, client});
}

void PoolLink::keep_log(UniqueFd read_end) {
  log_ = std::move(read_end);
  if (!channel_.send(LogPipe{}, log_.get())) reconnect();
}

void PoolLink::claim(std::string_view program, std::string_view user, bool reserved) {
  open_claim_ = {program, user, reserved};
  say(*open_claim_);
}

void PoolLink::active(pid_t program, Transport transport) {
  now_.stage = JobStage::active;
  now_.program_pid = program;
  now_.transport = transport;
  say(Active{program, transport});
}

void PoolLink::own_program(pid_t program, std::string_view user, int page) {
  now_.program_pid = program;
  now_.user = user;
  page_.reset(check(::fcntl(page, F_DUPFD_CLOEXEC, 3), "keep a page"));
  if (!channel_.send(OwnProgram{program, user}, page_.get())) reconnect();
}

void PoolLink::ended(EndKind kind, int value) {
  end_ = {kind, value};
  say(*end_);
}

PoolLink::News PoolLink::hear() {
  Packet packet;
  const Received received = channel_.receive(packet, 0);
  if (received == Received::nothing) return News::nothing;
  if (received == Received::closed) return News::lost;
  switch (static_cast<PoolSays>(packet.kind())) {
    case PoolSays::retire: return News::retire;
    case PoolSays::granted:
      if (open_claim_) {
        now_.program = open_claim_->program;
        now_.user = open_claim_->user;
      }
      open_claim_.reset();
      return News::granted;
    case PoolSays::denied: open_claim_.reset(); return News::denied;
  }
  throw ProtocolError("the pool said something unknown");
}

void PoolLink::reconnect() noexcept try {
  channel_ = Channel(UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  const auto address = parse_listen_address("unix:" + socket_path_);
  if (!address || ::connect(channel_.fd(), address->address(), address->length) != 0) return channel_.close();
  channel_.send(now_);
  if (log_) channel_.send(LogPipe{}, log_.get());
  if (page_) channel_.send(OwnProgram{now_.program_pid, now_.user}, page_.get());
  if (open_claim_) channel_.send(*open_claim_);
  if (end_) channel_.send(*end_);
} catch (const std::exception&) {
  channel_.close();
}

}  // namespace usher
