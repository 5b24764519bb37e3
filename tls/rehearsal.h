// A handshake with oneself, so that what OpenSSL finds and sets up at the first one is there in every process forked
// later: the server's part with a signature made elsewhere, the client's with none.
#pragma once

#include "tls/openssl.h"

namespace usher::tls {

// `server` as a listener's, without a certificate yet. Errors: Error(io).
void rehearse_handshake(SSL_CTX& server);

}  // namespace usher::tls
