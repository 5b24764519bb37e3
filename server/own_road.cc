#include "server/own_road.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "base/system.h"
#include "handover/own_connection.h"

namespace usher {

void OwnRoad::connect(Channel channel, Channel workers_end) {
  std::vector<VisitorPtr> returned;
  if (workers_end_) returned = take_back();
  room_.end();
  channel_ = std::move(channel);
  workers_end_ = std::move(workers_end);
  take_back();  // what a listener before this one has left in it is found
  for (const VisitorPtr& visitor : returned) services_.returned(visitor);
  services_.again();
}

void OwnRoad::dispatch(Pending& pending) {
  while (!pending.empty() && channel_ && !room_) {
    const VisitorPtr visitor = pending.begin()->second;
    if (!send(*visitor)) break;
    pending.erase(pending.begin());
    sent_.push_back(visitor);
  }
  if (sent_.empty() || std::exchange(looks_, true)) return;
  services_.loop.defer([this] {
    looks_ = false;
    forget_taken();
  });
}

bool OwnRoad::send(Visitor& visitor) {
  const Channel::Encoded record(
      OwnConnection{padded_name(visitor.listener), to_nanoseconds(visitor.accepted_at), visitor.serial});
  const int client = visitor.fd.get();
  Channel::Sent sent = Channel::Sent::full;
  send_out(visitor, [&] {
    sent = channel_.send_bytes(record.bytes(), std::span(&client, 1));
    return sent == Channel::Sent::done;
  });
  if (sent == Channel::Sent::full) {
    room_ = services_.loop.watch(channel_.fd(), EPOLLOUT, [this](std::uint32_t) {
      room_.end();
      services_.again();
    });
  }
  if (sent != Channel::Sent::done) return false;
  visitor.state = Visitor::State::handed_over;
  visitor.fd.reset();
  return true;
}

std::size_t OwnRoad::unread() const {
  int bytes = 0;
  check(::ioctl(workers_end_.fd(), SIOCINQ, &bytes), "ask what is unread");
  return static_cast<std::size_t>(bytes) / kOwnConnectionSize;
}

void OwnRoad::forget_taken() {
  if (sent_.empty()) return;
  for (std::size_t taken = sent_.size() - std::min(sent_.size(), unread()); taken > 0; --taken) {
    const VisitorPtr visitor = std::move(sent_.front());
    sent_.pop_front();
    services_.over(visitor);
  }
}

// Workers may take some at the same time: who is still there is told by the messages themselves.
std::vector<VisitorPtr> OwnRoad::take_back() {
  std::vector<VisitorPtr> returned;
  Packet packet;
  while (workers_end_.receive(packet, 1) == Received::packet) {
    const auto record = packet.as<OwnConnection>();
    const auto found =
        std::find_if(sent_.begin(), sent_.end(), [&](const VisitorPtr& other) { return other->serial == record.serial; });
    if (found == sent_.end()) {
      services_.found(record, packet.take_descriptor(0));
      continue;
    }
    returned.push_back(*found);
    returned.back()->fd = packet.take_descriptor(0);
    returned.back()->state = Visitor::State::pending;
    sent_.erase(found);
  }
  for (const VisitorPtr& visitor : std::exchange(sent_, {})) services_.over(visitor);
  return returned;
}

bool OwnRoad::withdraw(Visitor& visitor) {
  bool withdrawn = false;
  for (const VisitorPtr& other : take_back()) {
    if (other.get() == &visitor) {
      withdrawn = true;
    } else {
      services_.returned(other);
    }
  }
  return withdrawn;
}

void OwnRoad::settled(const Visitor& visitor) {
  std::erase_if(sent_, [&](const VisitorPtr& other) { return other.get() == &visitor; });
}

}  // namespace usher
