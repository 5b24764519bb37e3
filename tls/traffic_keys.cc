#include "tls/traffic_keys.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace usher::tls {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Kdf = std::unique_ptr<EVP_KDF, Release<EVP_KDF_free>>;
using KdfContext = std::unique_ptr<EVP_KDF_CTX, Release<EVP_KDF_CTX_free>>;

// OpenSSL takes parameters that it only reads by pointers to what could be written.
OSSL_PARAM bytes_param(const char* name, Bytes value) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(value.data()), value.size());  // NOLINT
}
OSSL_PARAM label_param(const char* name, std::string_view value) {
  return bytes_param(name, {reinterpret_cast<const std::uint8_t*>(value.data()), value.size()});  // NOLINT: as bytes
}
OSSL_PARAM digest_param(const char* digest) {
  return OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, const_cast<char*>(digest), 0);  // NOLINT
}

void derive(const char* function, std::span<const OSSL_PARAM> params, std::span<std::uint8_t> into) {
  const Kdf kdf(require(EVP_KDF_fetch(library(), function, nullptr), "find a function that derives keys"));
  const KdfContext context(require(EVP_KDF_CTX_new(kdf.get()), "derive keys"));
  require(EVP_KDF_derive(context.get(), into.data(), into.size(), params.data()), "derive keys");
}

void expand(Bytes secret, const char* digest, std::string_view label, std::span<std::uint8_t> into) {
  int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
  const std::array params{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode), digest_param(digest),
                          bytes_param(OSSL_KDF_PARAM_KEY, secret), label_param(OSSL_KDF_PARAM_PREFIX, "tls13 "),
                          label_param(OSSL_KDF_PARAM_LABEL, label), OSSL_PARAM_construct_end()};
  derive("TLS13-KDF", params, into);
}

// Wipes what it has given away.
class Pieces {
 public:
  explicit Pieces(std::size_t size) : bytes_(size) {}
  ~Pieces() { explicit_bzero(bytes_.data(), bytes_.size()); }
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;

  std::span<std::uint8_t> all() noexcept { return bytes_; }
  void give(std::span<std::uint8_t> into) {
    std::copy_n(bytes_.begin() + given_, into.size(), into.begin());
    given_ += static_cast<std::ptrdiff_t>(into.size());
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::ptrdiff_t given_ = 0;
};

}  // namespace

DirectionKeys keys_of_secret(Bytes secret, const char* digest, Cipher cipher) {
  DirectionKeys keys;
  expand(secret, digest, "key", std::span(keys.key).first(key_size(cipher)));
  expand(secret, digest, "iv", keys.iv);
  return keys;
}

KeyBlock keys_of_master_secret(const KeyBlockSource& source, const char* digest, Cipher cipher) {
  const std::array params{digest_param(digest),
                          bytes_param(OSSL_KDF_PARAM_SECRET, source.master_secret),
                          label_param(OSSL_KDF_PARAM_SEED, "key expansion"),
                          bytes_param(OSSL_KDF_PARAM_SEED, source.server_random),
                          bytes_param(OSSL_KDF_PARAM_SEED, source.client_random),
                          OSSL_PARAM_construct_end()};
  const std::size_t key = key_size(cipher);
  const std::size_t iv = cipher == Cipher::chacha20_poly1305 ? DirectionKeys::kIv : 4;
  Pieces pieces(2 * key + 2 * iv);
  derive("TLS1-PRF", params, pieces.all());
  KeyBlock block;
  pieces.give(std::span(block.client.key).first(key));
  pieces.give(std::span(block.server.key).first(key));
  pieces.give(std::span(block.client.iv).first(iv));
  pieces.give(std::span(block.server.iv).first(iv));
  return block;
}

}  // namespace usher::tls
