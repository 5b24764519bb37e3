#include "server/login_room.h"

#include <algorithm>

namespace usher {

void LoginRoom::add(const Visitor& visitor) { of(visitor).add(visitor.listener, visitor.guest.network, visitor.serial); }

void LoginRoom::remove(const Visitor& visitor) { of(visitor).remove(visitor.listener, visitor.guest.network, visitor.serial); }

std::uint64_t LoginRoom::one_too_many(const ListenerConfig& listener) const {
  const std::size_t reserved = reserved_logins_.count(listener.name);
  const std::size_t kept = std::max<std::size_t>(reserved, reserved_.logins_kept());
  const std::size_t others = listener.max_logins - std::min<std::size_t>(listener.max_logins, kept);
  if (logins_.count(listener.name) > others) return logins_.victim(listener.name);
  return reserved > listener.max_logins ? reserved_logins_.victim(listener.name) : 0;
}

}  // namespace usher
