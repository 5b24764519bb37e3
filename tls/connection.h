// TLS over a socket that stays as it is: nothing waits here, and the socket's own mode is not touched (it is shared).
//
// Model:  each call does what can be done now and says what must be waited for before it is called again.
// Source: OpenSSL, ssl(7), BIO_meth_new(3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tls/openssl.h"
#include "tls/record_count.h"

namespace usher::tls {

// The most that a server sends in one record.
inline constexpr std::size_t kRecord = std::size_t{15} * 1024;

enum class Did {
  done,
  wants_read,   // again when the socket is readable
  wants_write,  // again when it is writable
  ended,        // the peer has said that nothing more comes (close_notify)
  failed,       // the connection is lost, or the peer broke the rules, or it ended without close_notify
};

struct Moved {
  Did did = Did::failed;
  std::size_t bytes = 0;
};

class Connection {
 public:
  // `fd` stays the caller's. Errors: Error(io).
  Connection(Ssl ssl, int fd);

  // Makes what all connections use: once for all processes, in one that they are forked from.
  static void set_up() { road_method(); }

  int fd() const noexcept { return road_->fd; }
  Did shake_hands() noexcept;
  Moved read(std::span<std::uint8_t> into) noexcept;
  // What comes next, which stays there. Shape: not more than one record.
  Moved peek(std::span<std::uint8_t> into) noexcept;
  Moved write(std::string_view bytes) noexcept;
  // Whether what was read is wiped where OpenSSL had it: at first it is.
  void wipe_what_is_read(bool yes) noexcept;
  // Memory for records, until there is one again; where a part of one is in it, it stays.
  void give_buffers_back() noexcept;
  // Says that nothing more is sent.
  Did end_sending() noexcept;

  // After the handshake.
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string cipher() const { return SSL_get_cipher_name(ssl_.get()); }
  // The peer's, when it has given one, which was verified then.
  Certificate peer() const { return Certificate(SSL_get1_peer_certificate(ssl_.get())); }
  // What has passed under the keys that the handshake ended with.
  const RecordCount& received() const noexcept { return road_->received; }
  const RecordCount& sent() const noexcept { return road_->sent; }
  SSL& ssl() noexcept { return *ssl_; }
  const SSL& ssl() const noexcept { return *ssl_; }

 private:
  // What OpenSSL has of the socket.
  struct Road {
    int fd;
    RecordCount received, sent;
  };
  static const BIO_METHOD* road_method();
  static int read_road(BIO* bio, char* into, int size) noexcept;
  static int write_road(BIO* bio, const char* from, int size) noexcept;
  Did did(int result) noexcept;

  std::unique_ptr<Road> road_;
  Ssl ssl_;
};

}  // namespace usher::tls
