// From a connected socket to one that is TLS outside and plain inside.
#pragma once

#include "base/unique_fd.h"
#include "tls/client.h"

namespace usher {

// Shakes hands, then leaves encrypting to a process of its own; what is given back is a plain stream socket, on which
// ends and half-closes mean what they do on the connection itself. That process ends with the connection, or with this
// one. Errors: Error(io): no handshake within 30 s, or a certificate that is not to be believed.
UniqueFd secure_connection(UniqueFd connection, const tls::ServerTrust& trust);

}  // namespace usher
