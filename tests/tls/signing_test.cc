// What a server's key signs: texts of handshakes, by schemes of its kind, and nothing else.
#include "tls/signing.h"

#include <doctest/doctest.h>

#include <string>

#include "usher/error.h"

using namespace usher;
using namespace usher::tls;

namespace {

Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string tls_1_3(const std::string& hash) {
  return std::string(64, ' ') + "TLS 1.3, server CertificateVerify" + '\0' + hash;
}
std::string tls_1_2(const std::string& point) {
  return std::string(64, 'r') + std::string("\x03\x00\x1d", 3) + static_cast<char>(point.size()) + point;
}

bool fits(const std::string& text) {
  return is_of_a_handshake(bytes_of(text));
}

}  // namespace

TEST_CASE("signing: the texts of handshakes, and none beside them") {
  CHECK(fits(tls_1_3(std::string(32, 'h'))));
  CHECK(fits(tls_1_3(std::string(48, 'h'))));
  CHECK(fits(tls_1_2(std::string(32, 'p'))));
  CHECK(fits(tls_1_2(std::string(133, 'p'))));
  CHECK_FALSE(fits(""));
  CHECK_FALSE(fits(std::string(32, 'h')));
  CHECK_FALSE(fits(tls_1_3("")));
  CHECK_FALSE(fits(tls_1_3(std::string(33, 'h'))));
  CHECK_FALSE(fits(tls_1_3(std::string(64, 'h'))));
  CHECK_FALSE(fits(tls_1_2(std::string(32, 'p')) + "x"));
  CHECK_FALSE(fits(std::string(68, 'r')));
  CHECK_FALSE(fits(tls_1_2(std::string(200, 'p'))));
  std::string client = tls_1_3(std::string(32, 'h'));
  client.replace(client.find("server"), 6, "client");
  CHECK_FALSE(fits(client));
}

TEST_CASE("signing: a key signs by schemes of its kind only") {
  const Key ec(EVP_PKEY_Q_keygen(library(), nullptr, "EC", "P-256"));
  REQUIRE(ec);
  const std::string text = tls_1_3(std::string(32, 'h'));
  const auto signature = sign(*ec, Scheme::ecdsa_sha256, bytes_of(text));
  const DigestContext context(EVP_MD_CTX_new());
  REQUIRE(EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", library(), nullptr, ec.get(), nullptr) == 1);
  CHECK(EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes_of(text).data(), text.size()) == 1);
  CHECK_THROWS_AS(sign(*ec, Scheme::rsa_pss_sha256, bytes_of(text)), Error);
  CHECK_THROWS_AS(sign(*ec, Scheme{0x0101}, bytes_of(text)), Error);
  CHECK_THROWS_AS(sign(*ec, Scheme::ecdsa_sha256, bytes_of("anything")), Error);
}
