// A handshake with oneself, so that what OpenSSL finds and sets up at the first one is there in every process forked
// later.
#pragma once

namespace usher::tls {

// Errors: Error(io).
void rehearse_handshake();

}  // namespace usher::tls
