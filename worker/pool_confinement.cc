#include "worker/pool_confinement.h"

#include "auth/sandbox.h"
#include "dataqueue/identity.h"

namespace usher {

void confine_pool() {
  static_cast<void>(current_sender());  // asks the name service, while that can be reached
  confine_service();
}

void keep_pool_to_its_directories(const ServerConfig& server) {
  keep_service_to({server.runtime_directory + "/db", server.state_directory + "/db", server.state_directory + "/logs"});
}

}  // namespace usher
