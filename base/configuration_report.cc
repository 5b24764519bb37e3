#include "base/configuration_report.h"

#include <algorithm>
#include <set>

namespace usher {
namespace {

std::string counted(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

LoadedConfiguration load_configuration(const std::string& path) {
  LoadedConfiguration loaded;
  std::vector<Fault> faults;
  loaded.source = read_configuration_files(path, faults);
  loaded.result = parse_configuration(loaded.source);
  check_against_machine(loaded.source, loaded.result);
  loaded.result.faults.insert(loaded.result.faults.begin(), faults.begin(), faults.end());
  return loaded;
}

std::string faults_text(const std::vector<Fault>& faults) {
  std::string text;
  for (const Fault& fault : faults) text += fault.text() + "\n";
  return text;
}

std::string summary_text(const ConfigurationResult& result) {
  std::set<std::string> files;
  std::size_t errors = 0;
  for (const Fault& fault : result.faults) {
    files.insert(fault.file);
    errors += fault.severity == Severity::error ? 1 : 0;
  }
  const std::size_t warnings = result.faults.size() - errors;
  const std::string warned = warnings == 0 ? "" : ", " + counted(warnings, "warning");
  if (errors > 0) return counted(errors, "error") + warned + " in " + counted(files.size(), "file");
  const Configuration& configuration = result.configuration;
  return "configuration is good: " + counted(configuration.listeners.size(), "listener") + ", " +
         counted(configuration.pools.size(), "pool") + ", " + counted(configuration.programs.size(), "program") +
         warned;
}

}  // namespace usher
