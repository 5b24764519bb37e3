// A configuration with the places of its keys, for the checks that follow the reading of the files.
#pragma once

#include "base/configuration.h"
#include "base/configuration_faults.h"

namespace usher {

struct ParsedConfiguration {
  Configuration configuration;
  std::vector<Fault> faults;  // in their final order
  Places places;
  bool server_known = true;  // false: a fault hides [server], and what `configuration.server` has are defaults
};

ParsedConfiguration parse_with_places(const ConfigurationSource& source);

// What the keys of [listener.tls] say of each other.
void check_tls(const TlsConfig& tls, const std::string& path, const std::string& label, const Places& places, FaultList& faults);

// What one section says of another, and limits against each other. With `complete` false a file could not be read: what
// seems to be missing is then not told.
void check_references(const Configuration& configuration, const Places& places, bool complete, FaultList& faults);

}  // namespace usher
