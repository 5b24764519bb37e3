// What only a look into certificates and keys can tell of a configuration.
#pragma once

#include <string>

#include "base/configuration.h"

namespace usher::tls {

// Adds faults with the place of the key they are about: files that cannot be read, keys that are not their
// certificates', and as warnings certificates that have ended, end within 30 days or have not begun, and keys that
// others may read.
void check_certificates(const ConfigurationSource& source, ConfigurationResult& result);

// When the first of a listener's certificates to end does so. Units: seconds since 1970. Errors: Error(configuration).
std::int64_t end_of_certificates(const TlsConfig& config);

}  // namespace usher::tls
