// usher check --live: whether what is written down is what is there. Registry, ready queue, sockets, descriptors, processes.
//
// Model:  while clients come and go the registry is a moment behind the processes: what disagrees counts only when it does so
//         in every look of a few seconds.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/configuration.h"

namespace usher {

struct LiveCheck {
  std::vector<std::string> disagreements;  // none: everything agrees
  std::size_t jobs = 0;                    // that were looked at
};

// Run by root, this process becomes the service user, for good. Errors: Error(not_running) when nothing runs.
LiveCheck check_live(const Configuration& configuration);

}  // namespace usher
