// A client and a server of TLS at the two ends of a socket pair, in one process that goes from one to the other.
#pragma once

#include <functional>
#include <string>

#include "base/unique_fd.h"
#include "tls/client.h"
#include "tls/connection.h"
#include "tls/server.h"

namespace usher::testing {

class TlsPair {
 public:
  // `prepare` may change what the client offers.
  TlsPair(const tls::Server& server, const tls::ServerTrust& trust, const std::function<void(SSL*)>& prepare = {});

  // Until both are through, or one has failed.
  bool shake_hands();

  tls::Connection& client() noexcept { return client_; }
  tls::Connection& server() noexcept { return server_; }

 private:
  TlsPair(std::pair<UniqueFd, UniqueFd> ends, const tls::Server& server, const tls::ServerTrust& trust);

  UniqueFd clients_end_, servers_end_;
  tls::Connection client_;
  tls::Connection server_;
};

// Signs with the keys of the vault, in this process. What was signed is counted.
void sign_here(const tls::KeyVault& vault, int* count = nullptr);

}  // namespace usher::testing
