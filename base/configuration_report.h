// A configuration with all that is wrong with it, and how that is told: `usher check` and a start say the same in the
// same words.
#pragma once

#include <string>
#include <vector>

#include "base/configuration.h"

namespace usher {

struct LoadedConfiguration {
  ConfigurationSource source;
  ConfigurationResult result;  // faults of reading, parsing and checking against the machine
};

// Reads the files, parses them, checks them against this machine.
LoadedConfiguration load_configuration(const std::string& path);

// One line a fault.
std::string faults_text(const std::vector<Fault>& faults);

// "3 errors, 1 warning in 2 files", or "configuration is good: 1 listener, 1 pool, 5 programs".
std::string summary_text(const ConfigurationResult& result);

}  // namespace usher
