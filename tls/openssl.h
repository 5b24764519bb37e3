// OpenSSL's objects with owners, and the one library context that Usher uses.
//
// Source: OpenSSL 3.0, crypto(7), OSSL_LIB_CTX(3).
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace usher::tls {

template <auto release>
struct Release {
  template <class T>
  void operator()(T* object) const noexcept {
    release(object);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Release<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Release<EVP_MD_CTX_free>>;
using Digest = std::unique_ptr<EVP_MD, Release<EVP_MD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Release<OSSL_PARAM_free>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using Context = std::unique_ptr<SSL_CTX, Release<SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Release<SSL_free>>;

// Apart from the default context, which a PAM module may use and set up as it likes.
OSSL_LIB_CTX* library();

// Why the last call failed, in OpenSSL's words; forgets all that failed.
std::string last_reason();

// Errors: Error(io) with the reason.
[[noreturn]] void fail(const std::string& what);
template <class Result>
Result require(Result result, const char* what) {
  if (!(result > Result{})) fail(what);
  return result;
}
template <class T>
T* require(T* object, const char* what) {
  if (object == nullptr) fail(what);
  return object;
}

}  // namespace usher::tls
