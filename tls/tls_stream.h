// A client's bytes through TLS (base/client_stream.h).
#pragma once

#include <utility>

#include "base/client_stream.h"
#include "tls/connection.h"

namespace usher {

class TlsStream : public ClientStream {
 public:
  TlsStream(tls::Ssl ssl, int fd) : connection_(std::move(ssl), fd) {}

  // 0 when the handshake is done, else -1 as above.
  int shake_hands() { return result_of(connection_.shake_hands()); }
  tls::Connection& connection() noexcept { return connection_; }

  ssize_t receive(std::span<std::uint8_t> into) override { return result_of(connection_.read(into)); }
  ssize_t peek(std::span<std::uint8_t> into) override { return result_of(connection_.peek(into)); }
  ssize_t send(std::string_view bytes) override { return result_of(connection_.write(bytes)); }
  int end() override { return result_of(connection_.end_sending()); }
  short awaits() const override { return awaits_; }
  void no_more_secrets() noexcept override { connection_.wipe_what_is_read(false); }
  void be_idle() noexcept override { connection_.give_buffers_back(); }

 private:
  int result_of(tls::Did did);
  ssize_t result_of(tls::Moved moved);

  tls::Connection connection_;
  short awaits_ = 0;
};

}  // namespace usher
