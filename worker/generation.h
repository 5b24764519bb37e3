// One generation of the configuration, as the starter holds it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/configuration.h"
#include "base/unique_fd.h"
#include "worker/listening_sockets.h"
#include "worker/public_plan.h"

namespace usher {

struct Generation {
  std::uint32_t number = 0;
  std::shared_ptr<const Configuration> configuration;
  UniqueFd sealed;
  ListeningEnds listening;
  std::vector<PublicPlan> public_plans;  // one for each public listener
};

// What no reload and no restart in place can do.
inline constexpr const char* kMoves = "directories and users of [server] change only by usher stop and usher start";
bool moves(const ServerConfig& before, const ServerConfig& next);

// Reads and checks the files, as `usher check` does; nothing is bound yet. Empty when `faults` has an error.
std::optional<Generation> read_generation(const std::string& path, std::uint32_t number, std::vector<Fault>& faults);

}  // namespace usher
