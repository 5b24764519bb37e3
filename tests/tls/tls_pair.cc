#include "tests/tls/tls_pair.h"

#include "tests/support/process.h"
#include "tls/remote_key.h"

namespace usher::testing {
TlsPair::TlsPair(const tls::Server& server, const tls::ServerTrust& trust, const std::function<void(SSL*)>& prepare)
    : TlsPair(make_stream_pair(), server, trust) {
  if (prepare) prepare(&client_.ssl());
}

TlsPair::TlsPair(std::pair<UniqueFd, UniqueFd> ends, const tls::Server& server, const tls::ServerTrust& trust)
    : clients_end_(std::move(ends.first)),
      servers_end_(std::move(ends.second)),
      client_(tls::new_client_connection(trust), clients_end_.get()),
      server_(server.new_connection(), servers_end_.get()) {}

bool TlsPair::shake_hands() {
  while (true) {
    const tls::Did one = client_.shake_hands();
    const tls::Did other = server_.shake_hands();
    if (one == tls::Did::failed || other == tls::Did::failed) return false;
    if (one == tls::Did::done && other == tls::Did::done) return true;
  }
}

void sign_here(const tls::KeyVault& vault, int* count) {
  tls::set_signer([&vault, count](unsigned number, tls::Scheme scheme, tls::Bytes text) {
    if (count != nullptr) ++*count;
    return std::optional(tls::sign(*vault.key(number), scheme, text));
  });
}

}  // namespace usher::testing
