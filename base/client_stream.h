// The client's bytes, as the dialog sees them: over the plain connection, or through TLS (tls/tls_stream.h).
//
// Shape:  calls behave like recv(2) and send(2) on a socket that does not wait: -1 and EAGAIN when the connection has to become
//         what awaits() says first, -1 and ECONNRESET when it is lost; 0 when the client has said that it sends no more.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string_view>

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

}  // namespace usher
