#include "tests/bench/bare_pool.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/channel.h"
#include "base/system.h"
#include "handover/job_messages.h"
#include "tests/bench/echo_line.h"

namespace usher::bench {
namespace {

pid_t start(const std::function<void()>& body) {
  const pid_t pid = check(::fork(), "start a process");
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  body();
  ::_exit(0);
}

[[noreturn]] void accept_for_ever(int listening, const Channel& workers) {
  const Channel::Encoded message(Found{});  // some byte has to go along
  while (true) {
    const UniqueFd client(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    const int fd = client.get();
    while (client && workers.send_bytes(message.bytes(), std::span(&fd, 1)) == Channel::Sent::full) {
      pollfd room{workers.fd(), POLLOUT, 0};
      ::poll(&room, 1, -1);
    }
  }
}

[[noreturn]] void work_for_ever(const Channel& channel) {
  Packet packet;
  while (true) {
    if (channel.receive_blocking(packet, 1) != Received::packet) ::_exit(0);
    echo_line(packet.take_descriptor(0).get());
  }
}

}  // namespace

BarePool::BarePool(std::size_t workers) {
  const UniqueFd listening(check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "make a server"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT: as bind(2) has it
  check(::bind(listening.get(), generic, length), "bind a server");
  check(::listen(listening.get(), SOMAXCONN), "listen");
  check(::getsockname(listening.get(), generic, &length), "find a server's port");
  port_ = ntohs(address.sin_port);
  const ChannelPair pair = make_channel();
  for (std::size_t i = 0; i < workers; ++i) pids_.push_back(start([&] { work_for_ever(pair.theirs); }));
  pids_.push_back(start([&] { accept_for_ever(listening.get(), pair.ours); }));
}

BarePool::~BarePool() {
  for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
  for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
}

}  // namespace usher::bench
