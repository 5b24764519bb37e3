#include "tls/server.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "tls/connection.h"
#include "tls/key_watch.h"
#include "tls/pem_file.h"
#include "tls/rehearsal.h"
#include "tls/remote_key.h"
#include "usher/error.h"

namespace usher::tls {
namespace {

// Forward secrecy and authenticated encryption only; with it no key of a server ever decrypts anything.
constexpr const char* kCiphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kSignatures =
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:rsa_pss_rsae_sha256:rsa_pss_rsae_"
    "sha384:"
    "rsa_pss_rsae_sha512:rsa_pkcs1_sha256:rsa_pkcs1_sha384:rsa_pkcs1_sha512";

int choose_protocol(SSL* /*ssl*/, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned length, void* /*nothing*/) noexcept {
  static constexpr std::array<unsigned char, 6> kOurs{5, 'u', 's', 'h', 'e', 'r'};
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, kOurs.data(), kOurs.size(), offered, length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// What the macros for it do, whose casts take constness away.
long set_list(SSL_CTX* context, int which, std::string names) { return SSL_CTX_ctrl(context, which, 0, names.data()); }

void limit(SSL_CTX* context) {
  require(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION), "refuse old versions");
  require(SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION), "set the newest version");
  require(SSL_CTX_set_cipher_list(context, kCiphers12), "choose ciphers");
  require(set_list(context, SSL_CTRL_SET_GROUPS_LIST, kGroups), "choose groups");
  require(set_list(context, SSL_CTRL_SET_SIGALGS_LIST, kSignatures), "choose signatures");
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_PRIORITIZE_CHACHA);
}

// A session is never resumed: nothing of one client's is kept for another's.
void forget_sessions(SSL_CTX* context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  require(SSL_CTX_set_num_tickets(context, 0), "send no tickets");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

void ask_for_certificates(SSL_CTX* context, const TlsConfig& config) {
  if (config.client_ca.empty()) return;
  for (const Certificate& authority : read_certificates(config.client_ca)) {
    require(X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()), "trust an authority");
    require(SSL_CTX_add_client_CA(context, authority.get()), "name an authority");
  }
  const int must = config.require_client_certificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | must, nullptr);
}

Context context_for(const TlsConfig& config) {
  Context context(require(SSL_CTX_new_ex(library(), nullptr, TLS_server_method()), "set up TLS"));
  limit(context.get());
  forget_sessions(context.get());
  ask_for_certificates(context.get(), config);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  require(SSL_CTX_set_max_send_fragment(context.get(), kRecord), "limit records");
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  return context;
}

bool wants_tls(const Configuration& configuration) {
  return std::any_of(configuration.listeners.begin(), configuration.listeners.end(),
                     [](const ListenerConfig& listener) { return listener.tls.on(); });
}

}  // namespace

Server::Server(const TlsConfig& config, KeyVault& vault)
    : first_key_(vault.size()), for_kernel_(config.handover == TlsHandover::kernel) {
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    const std::size_t key = vault.add(config.certificates[i], config.keys.at(i));
    add(config.certificates[i], new_context(config), static_cast<unsigned>(key));
  }
}

Context Server::new_context(const TlsConfig& config) const {
  Context context = context_for(config);
  if (for_kernel_) KeyWatch::prepare(context.get());
  // What the macro for it does, whose cast is of the old style.
  SSL_CTX_callback_ctrl(context.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(choose_context));  // NOLINT
  // What a callback gets is not const; it only looks.
  SSL_CTX_set_tlsext_servername_arg(context.get(),
                                    const_cast<Server*>(this));  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  return context;
}

void Server::add(const std::string& certificate_file, Context context, unsigned key) {
  std::vector<Certificate> chain = read_certificates(certificate_file);
  const Key remote = make_remote_key(*require(X509_get0_pubkey(chain[0].get()), "read a public key"), key);
  require(SSL_CTX_use_certificate(context.get(), chain[0].get()), "use a certificate");
  require(SSL_CTX_use_PrivateKey(context.get(), remote.get()), "use a key");
  for (std::size_t i = 1; i < chain.size(); ++i) {
    require(SSL_CTX_add1_chain_cert(context.get(), chain[i].get()), "use a chain of certificates");
  }
  contexts_.push_back({std::move(chain[0]), std::move(context)});
}

int Server::choose_context(SSL* ssl, int* /*alert*/, void* of) noexcept {
  const auto& server = *static_cast<const Server*>(of);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const ForName& one : server.contexts_) {
    if (X509_check_host(one.certificate.get(), name, 0, 0, nullptr) != 1) continue;
    SSL_set_SSL_CTX(ssl, one.context.get());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

Ssl Server::new_connection() const {
  Ssl ssl(require(SSL_new(contexts_.at(0).context.get()), "begin a connection"));
  SSL_set_accept_state(ssl.get());
  return ssl;
}

Servers::Servers(const Configuration& configuration) {
  if (wants_tls(configuration)) {  // first: what it makes for all connections does not lie between the servers then
    rehearse_handshake(*context_for({}));
    Connection::set_up();
  }
  for (const ListenerConfig& listener : configuration.listeners) {
    auto& server = servers_.emplace_back();
    if (!listener.tls.on()) continue;
    try {
      server = std::make_unique<Server>(listener.tls, vault_);
    } catch (const Error& error) {
      throw Error(ErrorCode::configuration, "tls of listener \"" + listener.name + "\": " + error.what());
    }
  }
}

}  // namespace usher::tls
