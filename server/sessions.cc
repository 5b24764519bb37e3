#include "server/sessions.h"

namespace usher {

void Sessions::add(VisitorPtr visitor, std::unique_ptr<Delivery> delivery) {
  const std::uint64_t serial = visitor->serial;
  delivery->call([this, serial](Delivery::Event event) {
    if (event != Delivery::Event::lost) return;
    const auto found = sessions_.find(serial);
    const Session ended = std::move(found->second);
    sessions_.erase(found);
    ended_(*ended.visitor);
  });
  sessions_[serial] = {std::move(visitor), std::move(delivery)};
}

}  // namespace usher
