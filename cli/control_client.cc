#include "cli/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/listen_address.h"
#include "base/system.h"
#include "usher/error.h"

namespace usher {

ControlClient::ControlClient(const std::string& runtime_directory) {
  const std::string path = runtime_directory + "/control.sock";
  const auto address = parse_listen_address("unix:" + path);
  if (!address) throw Error(ErrorCode::invalid_argument, path + " is no path for a socket");
  UniqueFd fd(check(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "make a socket"));
  if (::connect(fd.get(), address->address(), address->length) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) {
      throw Error(ErrorCode::not_running, "Usher is not running in " + runtime_directory + "; start it with: usher start");
    }
    const bool forbidden = errno == EACCES || errno == EPERM;
    throw Error(forbidden ? ErrorCode::not_authorized : ErrorCode::io, "connect to " + path, errno);
  }
  ucred peer{};
  socklen_t length = sizeof peer;
  check(::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length), "ask who listens on " + path);
  starter_.reset(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
  channel_ = Channel(std::move(fd));
}

Done ControlClient::wait_done(const Answers& answers) {
  while (true) {
    Packet packet;
    if (channel_.wait_receive(packet, Instant::max(), 0) != Received::packet) gone();
    switch (static_cast<ControlSays>(packet.kind())) {
      case ControlSays::fact: answers.fact(packet.as<Fact>()); break;
      case ControlSays::progress: answers.progress(packet.as<Progress>().text.str()); break;
      case ControlSays::done: return packet.as<Done>();
    }
  }
}

void ControlClient::wait_gone() {
  Packet packet;
  while (channel_.wait_receive(packet, Instant::max(), 0) == Received::packet) {
  }
  // It closes the channel a moment before its lock is free.
  pollfd end{starter_.get(), POLLIN, 0};
  if (starter_) retry([&] { return ::poll(&end, 1, -1); });
}

void ControlClient::gone() { throw Error(ErrorCode::not_running, "Usher ended before it had answered"); }

}  // namespace usher
