#include "tls/connection.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>

namespace usher::tls {
namespace {

bool may_try_again() {
  return errno == EAGAIN || errno == EINTR;
}

long control(BIO* bio, int what, long /*number*/, void* /*pointer*/) noexcept {
  if (what == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) == 0 ? 0 : 1;
  return what == BIO_CTRL_FLUSH ? 1 : 0;
}

std::span<const std::uint8_t> bytes_of(const char* from, ssize_t size) {
  return {reinterpret_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size)};  // NOLINT: characters as bytes
}

}  // namespace

const BIO_METHOD* Connection::road_method() {
  static const BIO_METHOD* const made = [] {
    BIO_METHOD* one = require(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket"), "reach a socket");
    BIO_meth_set_read(one, read_road);
    BIO_meth_set_write(one, write_road);
    BIO_meth_set_ctrl(one, control);
    return one;
  }();
  return made;
}

int Connection::read_road(BIO* bio, char* into, int size) noexcept {
  BIO_clear_retry_flags(bio);
  auto& road = *static_cast<Road*>(BIO_get_data(bio));
  const ssize_t got = ::recv(road.fd, into, static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (got < 0 && may_try_again()) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  if (got > 0) road.received.pass(bytes_of(into, got));
  return static_cast<int>(got);
}

int Connection::write_road(BIO* bio, const char* from, int size) noexcept {
  BIO_clear_retry_flags(bio);
  auto& road = *static_cast<Road*>(BIO_get_data(bio));
  const ssize_t sent = ::send(road.fd, from, static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0 && may_try_again()) BIO_set_retry_write(bio);
  if (sent > 0) road.sent.pass(bytes_of(from, sent));
  return static_cast<int>(sent);
}

Connection::Connection(Ssl ssl, int fd) : road_(std::make_unique<Road>(Road{fd, {}, {}})), ssl_(std::move(ssl)) {
  BIO* bio = require(BIO_new(road_method()), "reach a socket");
  BIO_set_data(bio, road_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  wipe_what_is_read(true);
}

Did Connection::did(int result) noexcept {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE: return Did::done;
    case SSL_ERROR_WANT_READ: return Did::wants_read;
    case SSL_ERROR_WANT_WRITE: return Did::wants_write;
    case SSL_ERROR_ZERO_RETURN: return Did::ended;
    default: return Did::failed;
  }
}

// TLS 1.3 changes keys without a record that says so. Neither side has anything to say before both have done it.
Did Connection::shake_hands() noexcept {
  ERR_clear_error();
  const bool before = SSL_is_init_finished(ssl_.get()) != 0;
  const Did result = did(SSL_do_handshake(ssl_.get()));
  if (before || result != Did::done || SSL_version(ssl_.get()) != TLS1_3_VERSION) return result;
  road_->received.restart();
  road_->sent.restart();
  return result;
}

Moved Connection::read(std::span<std::uint8_t> into) noexcept {
  ERR_clear_error();
  std::size_t got = 0;
  const Did what = did(SSL_read_ex(ssl_.get(), into.data(), into.size(), &got));
  return {what, got};
}

Moved Connection::peek(std::span<std::uint8_t> into) noexcept {
  ERR_clear_error();
  std::size_t got = 0;
  const Did what = did(SSL_peek_ex(ssl_.get(), into.data(), into.size(), &got));
  return {what, got};
}

Moved Connection::write(std::string_view bytes) noexcept {
  ERR_clear_error();
  std::size_t sent = 0;
  const Did what = did(SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &sent));
  return {what, sent};
}

void Connection::wipe_what_is_read(bool yes) noexcept {
  if (yes) {
    SSL_set_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
  } else {
    SSL_clear_options(ssl_.get(), SSL_OP_CLEANSE_PLAINTEXT);
  }
}

// OpenSSL looks itself, but before 3.0.14 not at a record of which only the head has come (CVE-2024-4741).
void Connection::give_buffers_back() noexcept {
  const bool between_records = std::string_view(SSL_rstate_string(ssl_.get())) == "RH";
  if (between_records && SSL_has_pending(ssl_.get()) == 0) SSL_free_buffers(ssl_.get());
}

// 0: it is sent, and the peer's is not there yet.
Did Connection::end_sending() noexcept {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  return result >= 0 ? Did::done : did(result);
}

}  // namespace usher::tls
