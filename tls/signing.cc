#include "tls/signing.h"

#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <string>

#include "usher/error.h"

namespace usher::tls {
namespace {

using namespace std::string_view_literals;

struct Row {
  Scheme scheme;
  const char* kind;
  const char* digest;  // none: the scheme has one of its own
  bool pss;
};

constexpr std::array kSchemes{
    Row{Scheme::rsa_pkcs1_sha256, "RSA", "SHA256", false}, Row{Scheme::rsa_pkcs1_sha384, "RSA", "SHA384", false},
    Row{Scheme::rsa_pkcs1_sha512, "RSA", "SHA512", false}, Row{Scheme::rsa_pss_sha256, "RSA", "SHA256", true},
    Row{Scheme::rsa_pss_sha384, "RSA", "SHA384", true},    Row{Scheme::rsa_pss_sha512, "RSA", "SHA512", true},
    Row{Scheme::ecdsa_sha256, "EC", "SHA256", false},      Row{Scheme::ecdsa_sha384, "EC", "SHA384", false},
    Row{Scheme::ecdsa_sha512, "EC", "SHA512", false},      Row{Scheme::ed25519, "ED25519", nullptr, false},
};

constexpr std::size_t kBlanks = 64;
constexpr std::string_view kServerVerifies = "TLS 1.3, server CertificateVerify\0"sv;

bool is_tls_1_3(Bytes text) {
  if (text.size() <= kBlanks + kServerVerifies.size()) return false;
  const std::size_t hash = text.size() - kBlanks - kServerVerifies.size();
  const auto words = text.subspan(kBlanks, kServerVerifies.size());
  return (hash == 32 || hash == 48) &&
         std::all_of(text.begin(), text.begin() + kBlanks, [](auto byte) { return byte == ' '; }) &&
         std::equal(words.begin(), words.end(), kServerVerifies.begin(),
                    [](std::uint8_t byte, char c) { return byte == static_cast<std::uint8_t>(c); });
}

bool is_tls_1_2(Bytes text) {
  constexpr std::size_t kRandoms = 64, kHead = 4;
  constexpr std::uint8_t kNamedCurve = 3;
  if (text.size() <= kRandoms + kHead || text[kRandoms] != kNamedCurve) return false;
  return text.size() == kRandoms + kHead + text[kRandoms + 3];
}

const Row* row_of(Scheme scheme) {
  const auto* row =
      std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Row& one) { return one.scheme == scheme; });
  return row == kSchemes.end() ? nullptr : row;
}

[[noreturn]] void refuse(const char* what) {
  throw Error(ErrorCode::invalid_argument, what);
}

}  // namespace

bool is_of_a_handshake(Bytes text) {
  return text.size() <= kMaxSigned && (is_tls_1_3(text) || is_tls_1_2(text));
}

Scheme scheme_of(std::string_view kind, std::string_view digest, bool pss) {
  for (const Row& row : kSchemes) {
    const bool same_digest = row.digest == nullptr || row.digest == digest;
    if (row.kind == kind && same_digest && row.pss == pss) return row.scheme;
  }
  return Scheme{};
}

std::vector<std::uint8_t> sign(EVP_PKEY& key, Scheme scheme, Bytes text) {
  if (!is_of_a_handshake(text)) refuse("what is to be signed is not of a handshake");
  const Row* row = row_of(scheme);
  if (row == nullptr || EVP_PKEY_is_a(&key, row->kind) != 1) refuse("a signature that this key cannot make");
  const DigestContext context(require(EVP_MD_CTX_new(), "begin a signature"));
  EVP_PKEY_CTX* parameters = nullptr;
  require(EVP_DigestSignInit_ex(context.get(), &parameters, row->digest, library(), nullptr, &key, nullptr),
          "begin a signature");
  if (row->pss) {
    require(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), "choose a padding");
    require(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST), "choose a padding");
  }
  std::vector<std::uint8_t> signature(kMaxSignature);
  std::size_t size = signature.size();
  require(EVP_DigestSign(context.get(), signature.data(), &size, text.data(), text.size()), "sign");
  signature.resize(size);
  return signature;
}

}  // namespace usher::tls
