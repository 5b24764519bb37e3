#include "server/spawn_road.h"

namespace usher {

void SpawnRoad::dispatch(Pending& pending) {
  while (!pending.empty()) {
    const VisitorPtr visitor = pending.begin()->second;
    if (sent_.size() >= (visitor->may_wait ? kAhead : kMaxSent) || !send(visitor)) return;
    pending.erase(pending.begin());
  }
}

bool SpawnRoad::send(const VisitorPtr& visitor) {
  auto pair = try_make_channel();
  if (!pair) {
    retry_ = services_.loop.after(std::chrono::milliseconds(100), services_.again);
    return false;
  }
  auto delivery = std::make_unique<Delivery>(services_.loop, std::move(pair->ours), nullptr);
  const auto send = [&] {
    return delivery->send(services_.control_record(*visitor), visitor->fd.get()) &&
           ask_({pool_, visitor->may_wait}, pair->theirs.release());
  };
  if (!send_out(*visitor, send)) return false;
  sent_.emplace_hint(sent_.end(), visitor->serial, visitor);
  services_.handed_over(visitor, std::move(delivery));
  return true;
}

void SpawnRoad::settled(const Visitor& visitor) {
  if (sent_.erase(visitor.serial) > 0) services_.again();
}

}  // namespace usher
