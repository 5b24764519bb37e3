#include "worker/generation.h"

namespace usher {

std::optional<Generation> read_generation(const std::string& path, std::uint32_t number, std::vector<Fault>& faults) {
  ConfigurationSource source = read_configuration_files(path, faults);
  ConfigurationResult result = parse_configuration(source);
  result.faults.insert(result.faults.begin(), faults.begin(), faults.end());
  check_against_machine(source, result);
  faults = std::move(result.faults);
  for (const Fault& fault : faults) {
    if (fault.severity == Severity::error) return std::nullopt;
  }
  return Generation{number, std::make_shared<const Configuration>(std::move(result.configuration)),
                    seal_configuration(source), {}};
}

}  // namespace usher
