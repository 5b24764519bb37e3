// What a watched connection can be carried on with: by hand here, as the kernel does it.
#include "tls/key_watch.h"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/certificates.h"
#include "tests/tls/tls_pair.h"

using namespace usher;
using namespace usher::testing;

namespace {

using Octets = std::vector<std::uint8_t>;

struct Suite {
  std::string name;
  int version;
  tls::Cipher cipher;
};

const std::vector<Suite> kSuites{
    {"TLS_AES_128_GCM_SHA256", TLS1_3_VERSION, tls::Cipher::aes_128_gcm},
    {"TLS_AES_256_GCM_SHA384", TLS1_3_VERSION, tls::Cipher::aes_256_gcm},
    {"TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION, tls::Cipher::chacha20_poly1305},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION, tls::Cipher::aes_128_gcm},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION, tls::Cipher::aes_256_gcm},
    {"ECDHE-ECDSA-CHACHA20-POLY1305", TLS1_2_VERSION, tls::Cipher::chacha20_poly1305},
};

// A server whose connections may be watched, and a client.
struct Scene {
  explicit Scene(const Suite& suite = kSuites[0]) {
    made.server("front", "ec", "localhost");
    TlsConfig config{{made.path("front.crt")}, {made.path("front.key")}, "", false, CertificateUser::none, false,
                     TlsHandover::kernel};
    server.emplace(config, vault);
    sign_here(vault);
    pair.emplace(*server, tls::ServerTrust{"localhost", made.path("ca.crt"), false}, [&](SSL* ssl) {
      REQUIRE(SSL_set_max_proto_version(ssl, suite.version) == 1);
      const bool new_one = suite.version == TLS1_3_VERSION;
      REQUIRE((new_one ? SSL_set_ciphersuites(ssl, suite.name.c_str()) : SSL_set_cipher_list(ssl, suite.name.c_str())) ==
              1);
    });
    watch.emplace(pair->server());
    REQUIRE(pair->shake_hands());
  }
  tls::Connection& ours() { return pair->server(); }
  tls::Connection& theirs() { return pair->client(); }
  void client_says(std::string_view text, std::size_t read) {
    REQUIRE(theirs().write(text).did == tls::Did::done);
    std::array<std::uint8_t, 100> into{};
    REQUIRE(ours().read(std::span(into).first(read)).bytes == read);
  }
  void server_says(std::string_view text) {
    REQUIRE(ours().write(text).did == tls::Did::done);
    std::array<std::uint8_t, 100> into{};
    REQUIRE(theirs().read(into).bytes == text.size());
  }
  tls::Obstacle find(tls::TrafficKeys& keys) const { return watch->find(keys); }
  tls::Obstacle obstacle() const {
    tls::TrafficKeys keys;
    return find(keys);
  }

  Certificates made;
  tls::KeyVault vault;
  std::optional<tls::Server> server;
  std::optional<TlsPair> pair;
  std::optional<tls::KeyWatch> watch;
};

Octets octets_of(std::string_view text) {
  return {text.begin(), text.end()};
}

void append(Octets& to, std::uint64_t number, unsigned bytes) {
  while (bytes-- > 0) to.push_back(static_cast<std::uint8_t>(number >> (8 * bytes)));
}

// One record of data, sealed or opened with keys that were found.
class RecordByHand {
 public:
  RecordByHand(const tls::TrafficKeys& all, const tls::DirectionKeys& keys) : all_(all), keys_(keys) {}

  Octets seal(std::string_view text) const {
    Octets plain = octets_of(text);
    if (is_new()) plain.push_back(SSL3_RT_APPLICATION_DATA);
    Octets body;
    if (has_explicit_nonce()) body.assign(keys_.iv.begin() + 4, keys_.iv.end());
    const Octets nonce = nonce_of(body);
    const Octets header = header_of(body.size() + plain.size() + kTag);
    const Octets sealed = crypt(true, nonce, associated(header, plain.size()), plain);
    body.insert(body.end(), sealed.begin(), sealed.end());
    Octets record = header;
    record.insert(record.end(), body.begin(), body.end());
    return record;
  }

  std::string open(const Octets& record) const {
    const Octets header(record.begin(), record.begin() + 5);
    const std::ptrdiff_t opening = has_explicit_nonce() ? 8 : 0;
    const Octets nonce = nonce_of(Octets(record.begin() + 5, record.begin() + 5 + opening));
    const Octets body(record.begin() + 5 + opening, record.end());
    const Octets plain = crypt(false, nonce, associated(header, body.size() - kTag), body);
    std::string text(plain.begin(), plain.end());
    if (is_new()) text.pop_back();
    return text;
  }

 private:
  static constexpr std::size_t kTag = 16;

  bool is_new() const { return all_.version == tls::Version::tls13; }
  bool has_explicit_nonce() const { return !is_new() && all_.cipher != tls::Cipher::chacha20_poly1305; }

  static Octets header_of(std::size_t size) {
    Octets header{SSL3_RT_APPLICATION_DATA, 3, 3};
    append(header, size, 2);
    return header;
  }
  Octets nonce_of(const Octets& opening) const {
    Octets nonce(keys_.iv.begin(), keys_.iv.end());
    if (has_explicit_nonce()) {
      std::copy(opening.begin(), opening.end(), nonce.begin() + 4);
      return nonce;
    }
    for (unsigned i = 0; i < 8; ++i) nonce[4 + i] ^= static_cast<std::uint8_t>(keys_.sequence >> (56 - 8 * i));
    return nonce;
  }
  Octets associated(const Octets& header, std::size_t plain_size) const {
    if (is_new()) return header;
    Octets data;
    append(data, keys_.sequence, 8);
    data.insert(data.end(), {header[0], header[1], header[2]});
    append(data, plain_size, 2);
    return data;
  }

  Octets crypt(bool seal, const Octets& nonce, const Octets& associated, Octets text) const {
    constexpr std::array kNames{"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
    const std::unique_ptr<EVP_CIPHER, tls::Release<EVP_CIPHER_free>> cipher(
        EVP_CIPHER_fetch(tls::library(), kNames.at(static_cast<std::size_t>(all_.cipher)), nullptr));
    const std::unique_ptr<EVP_CIPHER_CTX, tls::Release<EVP_CIPHER_CTX_free>> context(EVP_CIPHER_CTX_new());
    Octets tag(kTag);
    if (!seal) {
      tag.assign(text.end() - kTag, text.end());
      text.resize(text.size() - kTag);
    }
    int size = 0;
    EVP_CipherInit_ex2(context.get(), cipher.get(), keys_.key.data(), nonce.data(), seal ? 1 : 0, nullptr);
    if (!seal) EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTag, tag.data());
    EVP_CipherUpdate(context.get(), nullptr, &size, associated.data(), static_cast<int>(associated.size()));
    Octets result(text.size());
    EVP_CipherUpdate(context.get(), result.data(), &size, text.data(), static_cast<int>(text.size()));
    REQUIRE(EVP_CipherFinal_ex(context.get(), result.data() + result.size(), &size) == 1);
    if (!seal) return result;
    EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTag, tag.data());
    result.insert(result.end(), tag.begin(), tag.end());
    return result;
  }

  const tls::TrafficKeys& all_;
  const tls::DirectionKeys& keys_;
};

Octets receive_raw(int fd) {
  Octets bytes(1000);
  const ssize_t got = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  REQUIRE(got > 0);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

void send_raw(int fd, std::span<const std::uint8_t> bytes) {
  REQUIRE(::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

TEST_CASE("key watch: with what it finds a connection can be carried on, whatever went before") {
  for (const Suite& suite : kSuites) {
    for (const bool talked : {false, true}) {
      CAPTURE(suite.name);
      CAPTURE(talked);
      Scene scene(suite);
      for (int i = 0; talked && i < 3; ++i) scene.client_says("a line", 6);
      for (int i = 0; talked && i < 5; ++i) scene.server_says("an answer");
      tls::TrafficKeys keys;
      REQUIRE(scene.find(keys) == tls::Obstacle::none);
      CHECK(keys.cipher == suite.cipher);
      REQUIRE(scene.theirs().write("to the program").did == tls::Did::done);
      CHECK(RecordByHand(keys, keys.received).open(receive_raw(scene.ours().fd())) == "to the program");
      send_raw(scene.ours().fd(), RecordByHand(keys, keys.sent).seal("from the program"));
      std::array<std::uint8_t, 100> got{};
      const tls::Moved moved = scene.theirs().read(got);
      CHECK(std::string(got.begin(), got.begin() + static_cast<std::ptrdiff_t>(moved.bytes)) == "from the program");
    }
  }
}

TEST_CASE("key watch: in TLS 1.2 no record of AES-GCM begins like one before") {
  Scene scene(kSuites[3]);
  scene.server_says("one");
  REQUIRE(scene.ours().write("two").did == tls::Did::done);
  const Octets record = receive_raw(scene.theirs().fd());
  tls::TrafficKeys keys;
  REQUIRE(scene.find(keys) == tls::Obstacle::none);
  std::uint64_t last = 0, next = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    last = last * 256 + record.at(5 + i);
    next = next * 256 + keys.sent.iv.at(4 + i);
  }
  CHECK(next == last + 1);
}

TEST_CASE("key watch: what is not all read, or not all here, stays with OpenSSL") {
  for (const Suite& suite : {kSuites[0], kSuites[4]}) {
    CAPTURE(suite.name);
    Scene scene(suite);
    scene.client_says("line and more", 4);
    CHECK(scene.obstacle() == tls::Obstacle::unread);
    std::array<std::uint8_t, 100> into{};
    REQUIRE(scene.ours().read(into).bytes == 9);
    CHECK(scene.obstacle() == tls::Obstacle::none);
    REQUIRE(scene.theirs().write("in two pieces").did == tls::Did::done);
    const Octets record = receive_raw(scene.ours().fd());
    std::span<const std::uint8_t> rest(record);
    for (const std::size_t piece : {3U, 2U, 6U}) {  // a part of the header, all of it, a part of the rest
      CAPTURE(piece);
      send_raw(scene.theirs().fd(), rest.first(piece));
      rest = rest.subspan(piece);
      CHECK(scene.ours().peek(into).did == tls::Did::wants_read);
      CHECK(scene.obstacle() == tls::Obstacle::unread);
    }
    send_raw(scene.theirs().fd(), rest);
    CHECK(scene.ours().read(into).bytes == 13);
    CHECK(scene.obstacle() == tls::Obstacle::none);
  }
}

TEST_CASE("key watch: a client that changes its keys cannot be carried on") {
  Scene scene;
  REQUIRE(SSL_key_update(&scene.theirs().ssl(), SSL_KEY_UPDATE_NOT_REQUESTED) == 1);
  scene.client_says("after it", 8);
  CHECK(scene.obstacle() == tls::Obstacle::changed);
  scene.server_says("it goes on");
}

TEST_CASE("key watch: only connections of a listener that is for the kernel tell their secrets") {
  Certificates made;
  made.server("front", "ec", "localhost");
  tls::KeyVault vault;
  const tls::Server plain({{made.path("front.crt")}, {made.path("front.key")}, "", false, CertificateUser::none, false,
                           TlsHandover::relay},
                          vault);
  CHECK_FALSE(plain.is_for_kernel());
  const tls::Ssl ssl = plain.new_connection();
  const bool tells = SSL_CTX_get_keylog_callback(SSL_get_SSL_CTX(ssl.get())) != nullptr;
  CHECK_FALSE(tells);
}
