#include "handover/attempt.h"

namespace usher {

std::string_view name_of(LimitReason reason) {
  switch (reason) {
    case LimitReason::none: return "none";
    case LimitReason::connections: return "connections";
    case LimitReason::rate: return "rate";
    case LimitReason::failures: return "failures";
    case LimitReason::account: return "account";
  }
  return "none";
}

}  // namespace usher
