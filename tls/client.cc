#include "tls/client.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <array>

#include "tls/pem_file.h"

namespace usher::tls {
namespace {

bool is_address(const std::string& name) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1;
}

void trust_authorities(SSL_CTX* context, const std::string& file) {
  if (file.empty()) {
    require(SSL_CTX_set_default_verify_paths(context), "find this machine's certificate authorities");
    return;
  }
  require(SSL_CTX_load_verify_file(context, file.c_str()), ("read the certificate authorities in " + file).c_str());
}

}  // namespace

Ssl new_client_connection(const ServerTrust& trust) {
  static constexpr std::array<unsigned char, 6> kOurs{5, 'u', 's', 'h', 'e', 'r'};
  const Context context(require(SSL_CTX_new_ex(library(), nullptr, TLS_client_method()), "set up TLS"));
  require(SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION), "refuse old versions");
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (!trust.insecure) trust_authorities(context.get(), trust.ca_file);
  SSL_CTX_set_verify(context.get(), trust.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  Ssl ssl(require(SSL_new(context.get()), "begin a connection"));
  X509_VERIFY_PARAM* wanted = SSL_get0_param(ssl.get());
  if (is_address(trust.name)) {
    require(X509_VERIFY_PARAM_set1_ip_asc(wanted, trust.name.c_str()), "expect an address");
  } else {
    require(X509_VERIFY_PARAM_set1_host(wanted, trust.name.c_str(), 0), "expect a name");
    // What the macro for it does, whose cast is of the old style.
    std::string name = trust.name;
    require(SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()),
            "name the server");
  }
  SSL_set_alpn_protos(ssl.get(), kOurs.data(), kOurs.size());  // 0 is its success
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::string reason_of_failure(const SSL& ssl) {
  const long verified = SSL_get_verify_result(&ssl);
  std::string reason = last_reason();
  if (verified != X509_V_OK)
    return std::string("its certificate is not trusted: ") + X509_verify_cert_error_string(verified);
  return reason;
}

}  // namespace usher::tls
