#include "worker/interruptions.h"

#include <poll.h>

#include <array>

#include "base/system.h"
#include "worker/starter_messages.h"

namespace usher {

namespace {

enum Watched { kFd, kStarter, kListener, kOther };
using Polled = std::array<pollfd, 4>;

// False when `deadline` passed.
bool poll_until(Polled& fds, Instant deadline) {
  while (true) {
    const int ready = ::poll(fds.data(), fds.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) throw_errno("wait in a worker");
    if (ready > 0) return true;
    if (ready == 0 && Clock::now() >= deadline) return false;
  }
}

}  // namespace

bool Interruptions::wait(int fd, Instant deadline, int other) {
  while (true) {
    Polled fds{{{fd, POLLIN, 0}, {starter_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}, {other, POLLIN, 0}}};
    if (!poll_until(fds, deadline)) return false;
    if (fds[kStarter].revents != 0) look_at_starter();
    if (fds[kListener].revents != 0) look_at_listener();
    if (fds[kFd].revents != 0 || fds[kOther].revents != 0) return true;
  }
}

LimitReason Interruptions::wait_verdict(std::uint32_t question, Instant deadline) {
  while (listener_ && verdict_.question != question) {
    Polled fds{{{-1, 0, 0}, {starter_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}, {-1, 0, 0}}};
    if (!poll_until(fds, deadline)) return LimitReason::none;
    if (fds[kStarter].revents != 0) look_at_starter();
    if (fds[kListener].revents != 0) look_at_listener();
  }
  return verdict_.question == question ? verdict_.refused : LimitReason::none;
}

void Interruptions::look_at_starter() {
  Packet packet;
  const Received received = starter_.receive(packet, 0);
  if (received == Received::closed) throw Interrupted{Interrupted::By::starter_gone};
  if (received == Received::nothing) return;
  packet.as<EndJob>();
  throw Interrupted{Interrupted::By::starter_says};
}

// A listener that died cannot evict any more; the login goes on.
void Interruptions::look_at_listener() {
  Packet packet;
  const Received received = listener_.receive(packet);
  if (received == Received::closed) return listener_.close();
  if (received == Received::nothing) return;
  gate_.check(packet, WorkerState::has_client);
  if (packet.kind() == static_cast<std::uint8_t>(Verdict::kKind)) {
    verdict_ = packet.as<Verdict>();
    return;
  }
  packet.as<Evict>();
  throw Interrupted{Interrupted::By::listener};
}

}  // namespace usher
