#include "auth/empty_network.h"

#include <fcntl.h>
#include <sched.h>

#include "base/system.h"

namespace usher {
namespace {

UniqueFd own_network() { return UniqueFd(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)); }

}  // namespace

UniqueFd make_empty_network() {
  const UniqueFd own = own_network();
  if (!own || ::unshare(CLONE_NEWNET) != 0) return {};
  UniqueFd empty = own_network();
  enter_network(own);
  return empty;
}

void enter_network(const UniqueFd& network) { check(::setns(network.get(), CLONE_NEWNET), "enter a network namespace"); }

}  // namespace usher
