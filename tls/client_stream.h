// The client's bytes, as the dialog and the relay see them: over the plain connection or through TLS.
//
// Shape:  calls behave like recv(2) and send(2) on a socket that does not wait: -1 and EAGAIN when the connection has
// to become
//         what awaits() says first, -1 and ECONNRESET when it is lost; 0 when the client has said that it sends no
//         more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "tls/connection.h"

namespace usher {

class ClientStream {
 public:
  virtual ~ClientStream() = default;

  virtual ssize_t receive(std::span<std::uint8_t> into) = 0;
  // What comes next stays there.
  virtual ssize_t peek(std::span<std::uint8_t> into) = 0;
  virtual ssize_t send(std::string_view bytes) = 0;
  // Says that nothing more is sent, before the connection is shut down. -1 as above.
  virtual int end() = 0;
  // POLLIN or POLLOUT.
  virtual short awaits() const = 0;
  // From here on come a program's bytes: the time to wipe each is saved.
  virtual void no_more_secrets() noexcept {}
  // Nothing moves: memory that is only needed then can go.
  virtual void be_idle() noexcept {}
};

class PlainStream : public ClientStream {
 public:
  explicit PlainStream(int fd) : fd_(fd) {}

  ssize_t receive(std::span<std::uint8_t> into) override;
  ssize_t peek(std::span<std::uint8_t> into) override;
  ssize_t send(std::string_view bytes) override;
  int end() override { return 0; }
  short awaits() const override { return awaits_; }

 private:
  int fd_;
  short awaits_ = 0;
};

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
