#include "tls/openssl.h"

#include <openssl/err.h>
#include <openssl/provider.h>

#include "usher/error.h"

namespace usher::tls {
namespace {

OSSL_LIB_CTX* make_library() {
  OSSL_LIB_CTX* made = require(OSSL_LIB_CTX_new(), "set up OpenSSL");
  require(OSSL_PROVIDER_load(made, "default"), "load OpenSSL's algorithms");
  require(EVP_set_default_properties(made, "?provider=default"), "prefer OpenSSL's own algorithms");
  return made;
}

}  // namespace

// Never freed: objects made in it may live as long as the process.
OSSL_LIB_CTX* library() {
  static OSSL_LIB_CTX* const made = make_library();
  return made;
}

std::string last_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "no reason given" : reason;
}

void fail(const std::string& what) {
  throw Error(ErrorCode::io, what + ": " + last_reason());
}

}  // namespace usher::tls
