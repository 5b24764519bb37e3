#include "worker/generation.h"

#include <algorithm>

#include "base/configuration_report.h"

namespace usher {

std::optional<Generation> read_generation(const std::string& path, std::uint32_t number, std::vector<Fault>& faults) {
  LoadedConfiguration loaded = load_configuration(path);
  faults = std::move(loaded.result.faults);
  loaded.result.faults.clear();
  const bool refused = std::any_of(faults.begin(), faults.end(),
                                   [](const Fault& fault) { return fault.severity == Severity::error; });
  if (refused) return std::nullopt;
  return Generation{number, std::make_shared<const Configuration>(std::move(loaded.result.configuration)),
                    seal_configuration(loaded.source), {}};
}

bool moves(const ServerConfig& from, const ServerConfig& to) {
  return from.runtime_directory != to.runtime_directory || from.state_directory != to.state_directory ||
         from.user != to.user || from.login_user != to.login_user;
}

}  // namespace usher
