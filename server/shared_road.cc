#include "server/shared_road.h"

#include <array>

namespace usher {

using namespace std::chrono_literals;

void SharedRoad::connect(Channel channel) {
  channel_ = std::move(channel);
  services_.again();
}

void SharedRoad::set_idle(std::uint32_t workers) {
  idle_ = workers;
  services_.again();
}

void SharedRoad::dispatch(Pending& pending) {
  take_back_impatient(pending);
  while (!pending.empty() && prepared()) {
    const VisitorPtr visitor = pending.begin()->second;
    if (!visitor->may_wait && sent_.size() >= idle_) return;
    if (!send(visitor)) return;
    pending.erase(pending.begin());
  }
}

// Sent while the number of idle workers was thought to be higher than it is.
void SharedRoad::take_back_impatient(Pending& pending) {
  while (sent_.size() > idle_) {
    const VisitorPtr newest = sent_.rbegin()->second;
    if (newest->may_wait || !newest->delivery->withdraw()) return;
    sent_.erase(newest->serial);
    newest->delivery.reset();
    newest->state = Visitor::State::pending;
    pending[newest->serial] = newest;
  }
}

bool SharedRoad::send(const VisitorPtr& visitor) {
  auto answers = try_make_channel();
  if (!answers) {
    retry_ = services_.loop.after(100ms, services_.again);
    return false;
  }
  const std::array<int, 2> descriptors{visitor->fd.get(), answers->theirs.fd()};
  const Channel::Encoded record(services_.control_record(*visitor));
  Channel::Sent sent = Channel::Sent::full;
  send_out(*visitor, [&] {
    sent = channel_.send_bytes(record.bytes(), descriptors);
    return sent == Channel::Sent::done;
  });
  if (sent == Channel::Sent::gone) channel_.close();  // the pool will make a new one
  if (sent == Channel::Sent::full) retry_ = services_.loop.after(10ms, services_.again);
  if (sent != Channel::Sent::done) return false;
  sent_.emplace_hint(sent_.end(), visitor->serial, visitor);
  services_.handed_over(visitor, std::make_unique<Delivery>(services_.loop, std::move(answers->ours), nullptr));
  return true;
}

void SharedRoad::settled(const Visitor& visitor) {
  if (sent_.erase(visitor.serial) == 0) return;
  if (visitor.state == Visitor::State::taken && idle_ > 0) --idle_;
  services_.again();
}

}  // namespace usher
