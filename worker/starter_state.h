// What a starter hands to the starter that it becomes by executing itself anew: descriptors that stay open, and what it knows of
// the workers, which stay its children.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/service_messages.h"
#include "base/unique_fd.h"
#include "worker/public_services.h"
#include "worker/worker_table.h"

namespace usher {

struct StarterState {
  std::uint32_t generation = 0;
  bool detached = false;
  std::uint32_t listener_restarts = 0;
  std::uint32_t pool_restarts = 0;
  int sealed = -1;             // the configuration that is in force
  std::vector<int> listening;  // in the order of its listeners
  int lock = -1;
  int pool_socket = -1;
  int jobs_socket = -1;
  int control = -1;
  int call = -1;  // of the operator who waits for the restart; -1 when it has hung up
  std::vector<WorkerTable::Row> workers;
  std::vector<PublicServices::Row> publics;
  std::vector<WorkerEnded> ended;  // that no pool has heard of
};

// A memfd with the state. Errors: std::system_error.
UniqueFd save_state(const StarterState& state);
// Errors: Error(protocol) for anything that save_state() of this version does not write.
StarterState load_state(int fd);

// All descriptors of the state.
std::vector<int> descriptors_of(const StarterState& state);

}  // namespace usher
