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
                    seal_configuration(loaded.source), {}, {}};
}

bool moves(const ServerConfig& before, const ServerConfig& next) {
  return next.runtime_directory != before.runtime_directory || next.state_directory != before.state_directory ||
         next.user != before.user || next.login_user != before.login_user;
}

}  // namespace usher
