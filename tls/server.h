// TLS of the listeners, as the template prepares it: which versions and ciphers, certificates by name, clients'
// certificates.
//
// Model:  Servers reads the files of a configuration once. A connection made of it has certificates, and keys that are
//         elsewhere (remote_key.h); the vault has the keys themselves, for those who may have them.
// Source: RFC 9325 (versions, ciphers), RFC 6066, 3 (server names), RFC 7301 (ALPN).
#pragma once

#include <memory>
#include <vector>

#include "base/configuration.h"
#include "tls/key_vault.h"
#include "tls/openssl.h"

namespace usher::tls {

// What a client may call the protocol in its handshake (ALPN); another name is refused, none is not.
inline constexpr const char* kProtocol = "usher";

// One listener's.
class Server {
 public:
  // Its keys go into the vault. Errors: Error(configuration), Error(io).
  Server(const TlsConfig& config, KeyVault& vault);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Ssl new_connection() const;
  // Whether its connections may be watched (key_watch.h).
  bool is_for_kernel() const noexcept { return for_kernel_; }
  bool has_key(std::size_t number) const noexcept {
    return number >= first_key_ && number - first_key_ < contexts_.size();
  }

 private:
  struct ForName {
    Certificate certificate;
    Context context;
  };
  Context new_context(const TlsConfig& config) const;
  void add(const std::string& certificate_file, Context context, unsigned key);
  static int choose_context(SSL* ssl, int* alert, void* of) noexcept;

  std::size_t first_key_;
  bool for_kernel_;
  std::vector<ForName> contexts_;  // in the order of the configuration; the first is for names that none is for
};

class Servers {
 public:
  // Errors: Error(configuration) that names the listener.
  explicit Servers(const Configuration& configuration);

  // None where the listener is plain.
  const Server* of(std::size_t listener) const { return servers_.at(listener).get(); }
  const KeyVault& vault() const noexcept { return vault_; }

 private:
  KeyVault vault_;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace usher::tls
