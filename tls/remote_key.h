// A key that is somewhere else: shows its public half, and has each signature made by a function.
//
// Model:  a provider within this program offers OpenSSL keys of the kinds RSA, EC and ED25519 whose signing calls the
// signer. TLS
//         takes them like any other private key.
// Source: OpenSSL 3.0, provider(7), provider-keymgmt(7), provider-signature(7).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "tls/openssl.h"
#include "tls/signing.h"

namespace usher::tls {

// Makes the signature of key `number`; empty when there is none to be had. Must not throw.
using Signer = std::function<std::optional<std::vector<std::uint8_t>>(unsigned number, Scheme scheme, Bytes text)>;

// Of this process, from here on.
void set_signer(Signer made);

// The key `number`, of which only the public half is here. Errors: Error(io).
Key make_remote_key(EVP_PKEY& public_half, unsigned number);

}  // namespace usher::tls
