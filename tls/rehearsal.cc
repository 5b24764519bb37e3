#include "tls/rehearsal.h"

#include <array>

#include "tls/key_form.h"
#include "tls/remote_key.h"

namespace usher::tls {
namespace {

constexpr long kMinute = 60;

Certificate certificate_for(EVP_PKEY* key) {
  Certificate certificate(require(X509_new_ex(library(), nullptr), "make a certificate"));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -kMinute);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kMinute);
  require(X509_set_pubkey(certificate.get(), key), "make a certificate");
  const Digest digest(require(EVP_MD_fetch(library(), "SHA256", nullptr), "find a digest"));
  require(X509_sign(certificate.get(), key, digest.get()), "make a certificate");
  return certificate;
}

// Both ends in one process: each takes what the other sent.
void shake_hands(SSL* server, SSL* client) {
  for (int rounds = 0; rounds < 4; ++rounds) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  std::array<char, 16> bytes{};
  std::size_t moved = 0;
  require(SSL_write_ex(client, bytes.data(), bytes.size(), &moved), "rehearse a handshake");
  require(SSL_read_ex(server, bytes.data(), bytes.size(), &moved), "rehearse a handshake");
  require(SSL_write_ex(server, bytes.data(), bytes.size(), &moved), "rehearse a handshake");
}

void rehearse(SSL_CTX& ours, int version) {
  const Context theirs(require(SSL_CTX_new_ex(library(), nullptr, TLS_client_method()), "set up TLS"));
  require(SSL_CTX_set_max_proto_version(theirs.get(), version), "choose a version");
  const Ssl server(require(SSL_new(&ours), "begin a connection"));
  const Ssl client(require(SSL_new(theirs.get()), "begin a connection"));
  BIO* one = nullptr;
  BIO* other = nullptr;
  require(BIO_new_bio_pair(&one, 0, &other, 0), "join two ends");
  SSL_set_bio(server.get(), one, one);
  SSL_set_bio(client.get(), other, other);
  SSL_set_accept_state(server.get());
  SSL_set_connect_state(client.get());
  shake_hands(server.get(), client.get());
}

// As a vault gives it out.
Key taken_from_a_page(const EVP_PKEY& key) {
  std::array<unsigned char, 1024> page{};
  return read_key(std::span(page).first(write_key(key, page)));
}

}  // namespace

void rehearse_handshake(SSL_CTX& server) {
  const Key key(require(EVP_PKEY_Q_keygen(library(), nullptr, "EC", "P-256"), "make a key"));
  const Certificate certificate = certificate_for(key.get());
  require(SSL_CTX_use_certificate(&server, certificate.get()), "use a certificate");
  require(SSL_CTX_use_PrivateKey(&server, make_remote_key(*key, 0).get()), "use a key");
  set_signer([&](unsigned /*number*/, Scheme scheme, Bytes text) {
    return std::optional(sign(*taken_from_a_page(*key), scheme, text));
  });
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) rehearse(server, version);
  set_signer({});
}

}  // namespace usher::tls
