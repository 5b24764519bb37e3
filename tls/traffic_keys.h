// The keys of a connection that is under way, as somebody needs them who carries it on: the kernel.
//
// Shape:  one direction is what is sent by one side. A key is key_size() bytes; an iv is 12: in TLS 1.3, and with ChaCha20,
//         what is combined with the sequence number; in TLS 1.2 with AES-GCM the 4 bytes that are agreed upon, then the 8
//         that the next record begins with.
// Secrets: each copy wipes itself.
// Source: RFC 8446, 7.3; RFC 5246, 6.3; RFC 5288, 3; RFC 7905, 2.
#pragma once

#include <string.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace usher::tls {

enum class Version : std::uint8_t { tls12, tls13 };
constexpr Version last_of(Version) { return Version::tls13; }

enum class Cipher : std::uint8_t { aes_128_gcm, aes_256_gcm, chacha20_poly1305 };
constexpr Cipher last_of(Cipher) { return Cipher::chacha20_poly1305; }
constexpr std::size_t key_size(Cipher cipher) { return cipher == Cipher::aes_128_gcm ? 16 : 32; }

struct DirectionKeys {
  static constexpr std::size_t kIv = 12;

  DirectionKeys() = default;
  DirectionKeys(const DirectionKeys&) = default;
  DirectionKeys& operator=(const DirectionKeys&) = default;
  ~DirectionKeys() {
    explicit_bzero(key.data(), key.size());
    explicit_bzero(iv.data(), iv.size());
  }

  std::array<std::uint8_t, 32> key{};  // from its beginning
  std::array<std::uint8_t, kIv> iv{};
  std::uint64_t sequence = 0;  // of the next record
};

struct TrafficKeys {
  Version version = Version::tls13;
  Cipher cipher = Cipher::aes_128_gcm;
  DirectionKeys received, sent;
};

// TLS 1.3: the keys that follow from a traffic secret. Shape: `digest` as OpenSSL names it. Errors: Error(io).
DirectionKeys keys_of_secret(std::span<const std::uint8_t> secret, const char* digest, Cipher cipher);

// TLS 1.2: the keys of both directions, without what the next record begins with.
struct KeyBlock {
  DirectionKeys client, server;
};
struct KeyBlockSource {
  std::span<const std::uint8_t> master_secret, server_random, client_random;
};
KeyBlock keys_of_master_secret(const KeyBlockSource& source, const char* digest, Cipher cipher);

}  // namespace usher::tls
