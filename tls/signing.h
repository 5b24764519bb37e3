// The one signature of a handshake: what may be signed with a server's key, and how.
//
// Shape:  what is signed is exactly what TLS has a server sign, so that a signature is of no use anywhere else:
//         TLS 1.3: 64 blanks, "TLS 1.3, server CertificateVerify", a zero byte, a transcript hash of 32 or 48 bytes;
//         TLS 1.2: client random and server random (64 bytes), then ECDH parameters: 3, a named curve, the length of a
//         point, it.
// Source: RFC 8446, 4.4.3; RFC 5246, 7.4.3; RFC 8422, 5.4.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tls/openssl.h"

namespace usher::tls {

// Source: RFC 8446, 4.2.3 (SignatureScheme).
enum class Scheme : std::uint16_t {
  rsa_pkcs1_sha256 = 0x0401,
  rsa_pkcs1_sha384 = 0x0501,
  rsa_pkcs1_sha512 = 0x0601,
  ecdsa_sha256 = 0x0403,
  ecdsa_sha384 = 0x0503,
  ecdsa_sha512 = 0x0603,
  rsa_pss_sha256 = 0x0804,
  rsa_pss_sha384 = 0x0805,
  rsa_pss_sha512 = 0x0806,
  ed25519 = 0x0807,
};

inline constexpr std::size_t kMaxSigned = 256;     // bytes
inline constexpr std::size_t kMaxSignature = 512;  // of RSA with 4096 bits

using Bytes = std::span<const std::uint8_t>;

// Is it what a server signs in a handshake?
bool is_of_a_handshake(Bytes text);

// Errors: Error(invalid_argument): the text is not of a handshake, or the scheme is unknown or not of this kind of key.
std::vector<std::uint8_t> sign(EVP_PKEY& key, Scheme scheme, Bytes text);

// The scheme of a key of this kind ("RSA", "EC", "ED25519"); 0 when there is none.
Scheme scheme_of(std::string_view kind, std::string_view digest, bool pss);

}  // namespace usher::tls
