// The client's side of TLS, for `usher login`.
#pragma once

#include <string>

#include "tls/openssl.h"

namespace usher::tls {

struct ServerTrust {
  std::string name;       // of the host, or its address: what the certificate must be for
  std::string ca_file;    // empty: the authorities of this machine
  bool insecure = false;  // any certificate will do
};

// Errors: Error(io, configuration).
Ssl new_client_connection(const ServerTrust& trust);

// Why the handshake failed: what is wrong with the certificate where it was that.
std::string reason_of_failure(const SSL& ssl);

}  // namespace usher::tls
