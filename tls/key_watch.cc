#include "tls/key_watch.h"

#include <algorithm>
#include <array>
#include <optional>

namespace usher::tls {
namespace {

std::optional<Cipher> cipher_of(const SSL_CIPHER& cipher) {
  switch (SSL_CIPHER_get_cipher_nid(&cipher)) {
    case NID_aes_128_gcm: return Cipher::aes_128_gcm;
    case NID_aes_256_gcm: return Cipher::aes_256_gcm;
    case NID_chacha20_poly1305: return Cipher::chacha20_poly1305;
    default: return {};
  }
}

int value_of(char digit) {
  return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

void keep_hex(std::string_view digits, Secret& secret) {
  secret.wipe();
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto byte = static_cast<std::uint8_t>(value_of(digits[i]) * 16 + value_of(digits[i + 1]));
    secret.append({&byte, 1});
  }
}

// What the next record of AES-GCM begins with in TLS 1.2: no two under one key may begin alike.
void continue_nonce(const RecordCount& records, DirectionKeys& keys) {
  std::copy(records.opening().begin(), records.opening().end(), keys.iv.begin() + 4);
  for (std::size_t at = keys.iv.size(); at-- > 4 && ++keys.iv.at(at) == 0;) {
  }
}

}  // namespace

const char* text_of(Obstacle obstacle) {
  constexpr std::array kTexts{"", "the cipher is not one for the kernel", "more has come with the last line",
                              "the client has changed its keys"};
  return kTexts.at(static_cast<std::size_t>(obstacle));
}

void KeyWatch::prepare(SSL_CTX* context) {
  SSL_CTX_set_keylog_callback(context, hear_secret);
}

KeyWatch::KeyWatch(Connection& connection) : connection_(connection) {
  SSL* ssl = &connection.ssl();
  require(SSL_set_app_data(ssl, this), "watch a connection");
  SSL_set_msg_callback(ssl, hear_message);
  SSL_set_msg_callback_arg(ssl, this);
}

KeyWatch::~KeyWatch() {
  SSL* ssl = &connection_.ssl();
  SSL_set_app_data(ssl, nullptr);
  SSL_set_msg_callback(ssl, nullptr);
}

void KeyWatch::hear_secret(const SSL* ssl, const char* line) noexcept {
  auto* watch = static_cast<KeyWatch*>(SSL_get_app_data(ssl));
  if (watch != nullptr) watch->keep(line);
}

// Shape: "NAME CLIENT_RANDOM SECRET", the two in hexadecimal digits.
void KeyWatch::keep(std::string_view line) noexcept {
  const std::string_view digits = line.substr(line.rfind(' ') + 1);
  if (line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) keep_hex(digits, client_);
  if (line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) keep_hex(digits, server_);
}

void KeyWatch::hear_message(int /*sent*/, int /*version*/, int type, const void* bytes, std::size_t size, SSL* /*ssl*/,
                            void* of) noexcept {
  if (type != SSL3_RT_HANDSHAKE || size == 0) return;
  if (*static_cast<const std::uint8_t*>(bytes) == SSL3_MT_KEY_UPDATE) static_cast<KeyWatch*>(of)->changed_ = true;
}

Obstacle KeyWatch::obstacle() const {
  const SSL& ssl = connection_.ssl();
  const bool whole = connection_.received().is_between_records() && connection_.sent().is_between_records();
  if (changed_) return Obstacle::changed;
  if (!whole || SSL_has_pending(&ssl) != 0) return Obstacle::unread;
  return cipher_of(*SSL_get_current_cipher(&ssl)) ? Obstacle::none : Obstacle::cipher;
}

Obstacle KeyWatch::find(TrafficKeys& keys) const {
  const Obstacle found = obstacle();
  if (found != Obstacle::none) return found;
  const SSL_CIPHER* cipher = SSL_get_current_cipher(&connection_.ssl());
  const char* digest = EVP_MD_get0_name(require(SSL_CIPHER_get_handshake_digest(cipher), "find a digest"));
  keys.cipher = *cipher_of(*cipher);
  keys.version = SSL_version(&connection_.ssl()) == TLS1_3_VERSION ? Version::tls13 : Version::tls12;
  keys.version == Version::tls13 ? find_tls13(keys, digest) : find_tls12(keys, digest);
  keys.received.sequence = connection_.received().count();
  keys.sent.sequence = connection_.sent().count();
  return found;
}

void KeyWatch::find_tls13(TrafficKeys& keys, const char* digest) const {
  keys.received = keys_of_secret(client_.bytes(), digest, keys.cipher);
  keys.sent = keys_of_secret(server_.bytes(), digest, keys.cipher);
}

void KeyWatch::find_tls12(TrafficKeys& keys, const char* digest) const {
  const SSL& ssl = connection_.ssl();
  std::array<std::uint8_t, SSL3_RANDOM_SIZE> client{}, server{};
  SSL_get_client_random(&ssl, client.data(), client.size());
  SSL_get_server_random(&ssl, server.data(), server.size());
  Secret master;
  std::array<std::uint8_t, SSL_MAX_MASTER_KEY_LENGTH> bytes{};
  master.append(std::span(bytes).first(SSL_SESSION_get_master_key(SSL_get0_session(&ssl), bytes.data(), bytes.size())));
  explicit_bzero(bytes.data(), bytes.size());
  const KeyBlock block = keys_of_master_secret({master.bytes(), server, client}, digest, keys.cipher);
  keys.received = block.client;
  keys.sent = block.server;
  if (keys.cipher == Cipher::chacha20_poly1305) return;
  continue_nonce(connection_.received(), keys.received);
  continue_nonce(connection_.sent(), keys.sent);
}

}  // namespace usher::tls
