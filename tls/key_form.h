// A private key as bytes that need no parser: OpenSSL's tries dozens of decoders, and takes longer than a signature.
//
// Shape:  the kind (1 byte), then for each number or name of the key: its name and NUL, its type (1 byte), its size
//         (2 bytes, of this machine), its bytes and NUL. For the same program only: never stored, never sent.
// Source: OpenSSL 3.0, EVP_PKEY_fromdata(3), EVP_PKEY-RSA(7), EVP_PKEY-EC(7), EVP_PKEY-X25519(7).
#pragma once

#include <cstddef>
#include <span>

#include "tls/openssl.h"

namespace usher::tls {

// How many bytes of `room` were taken; 0 when they are too few, or the key is of another kind.
std::size_t write_key(const EVP_PKEY& key, std::span<unsigned char> room);

// Errors: Error(io).
Key read_key(std::span<const unsigned char> bytes);

}  // namespace usher::tls
