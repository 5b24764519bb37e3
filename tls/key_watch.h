// Watches a server's connection for what somebody else must know to carry it on, from its handshake on.
//
// Model:  the secrets of TLS 1.3 are told by OpenSSL as they come about (what it offers for key logs); those of TLS 1.2 it
//         gives when asked. Where each direction stands, Connection counts. A client that changes its keys makes them
//         unknown.
// Secrets: kept here until this goes, and wiped then.
// Source: OpenSSL 3.0, SSL_CTX_set_keylog_callback(3), SSL_set_msg_callback(3).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/secret.h"
#include "tls/connection.h"
#include "tls/traffic_keys.h"

namespace usher::tls {

// Why a connection cannot be carried on by another: none when it can.
enum class Obstacle : std::uint8_t {
  none,
  cipher,   // one that there is no name for here
  unread,   // what has come is not all with those it is for
  changed,  // other keys than those of the handshake
};
constexpr Obstacle last_of(Obstacle) { return Obstacle::changed; }
const char* text_of(Obstacle obstacle);

class KeyWatch {
 public:
  // Connections of this context can be watched.
  static void prepare(SSL_CTX* context);

  // From before the handshake on. The connection outlives this.
  explicit KeyWatch(Connection& connection);
  ~KeyWatch();
  KeyWatch(const KeyWatch&) = delete;
  KeyWatch& operator=(const KeyWatch&) = delete;

  // After the handshake, between two records. Errors: Error(io).
  Obstacle find(TrafficKeys& keys) const;

 private:
  static void hear_secret(const SSL* ssl, const char* line) noexcept;
  static void hear_message(int sent, int version, int type, const void* bytes, std::size_t size, SSL* ssl,
                           void* of) noexcept;
  void keep(std::string_view line) noexcept;
  Obstacle obstacle() const;
  void find_tls13(TrafficKeys& keys, const char* digest) const;
  void find_tls12(TrafficKeys& keys, const char* digest) const;

  Connection& connection_;
  Secret client_, server_;  // traffic secrets of TLS 1.3
  bool changed_ = false;
};

}  // namespace usher::tls
