#include "tests/bench/dataqueue_peers.h"

namespace usher::bench {

std::unique_ptr<Peer> make_postgresql(const std::string& /*directory*/, Disk /*disk*/, WakeUp /*wake_up*/) {
  return nullptr;
}

}  // namespace usher::bench
