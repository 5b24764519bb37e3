#include "worker/interruptions.h"

#include <poll.h>

#include <array>

#include "base/system.h"
#include "worker/starter_messages.h"

namespace usher {

bool Interruptions::wait(int fd, Instant deadline, int other) {
  while (true) {
    std::array<pollfd, 4> fds{
        {{fd, POLLIN, 0}, {starter_.fd(), POLLIN, 0}, {listener_.fd(), POLLIN, 0}, {other, POLLIN, 0}}};
    const int ready = ::poll(fds.data(), fds.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) throw_errno("wait in a worker");
    if (ready < 0) continue;
    if (fds[1].revents != 0) look_at_starter();
    if (fds[2].revents != 0) look_at_listener();
    if (fds[0].revents != 0 || fds[3].revents != 0) return true;
    if (Clock::now() >= deadline) return false;
  }
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
  packet.as<Evict>();
  throw Interrupted{Interrupted::By::listener};
}

}  // namespace usher
