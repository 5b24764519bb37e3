// Who is logging in at each listener, within its max_logins: everybody, and those from reserved networks, for whom some places
// are kept.
#pragma once

#include "server/admission.h"
#include "server/visitor.h"

namespace usher {

class LoginRoom {
 public:
  void configure(const ReservedConfig& reserved) { reserved_ = reserved; }
  void add(const Visitor& visitor);
  void remove(const Visitor& visitor);
  // The serial of who has to make way, 0 when nobody has to. Those from reserved networks make way only for each other.
  std::uint64_t one_too_many(const ListenerConfig& listener) const;

 private:
  Admission& of(const Visitor& visitor) { return visitor.guest.reserved ? reserved_logins_ : logins_; }

  ReservedConfig reserved_;
  Admission logins_;
  Admission reserved_logins_;
};

}  // namespace usher
