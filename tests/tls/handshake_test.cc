// Handshakes whose signature is made elsewhere: every kind of key, both versions, names, certificates of clients.
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>

#include "tests/support/certificates.h"
#include "tests/tls/tls_pair.h"
#include "tls/pem_file.h"
#include "tls/remote_key.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Scene {
  explicit Scene(const TlsConfig& config) : server(config, vault) { sign_here(vault, &signatures); }
  ~Scene() { tls::set_signer({}); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  tls::KeyVault vault;
  tls::Server server;
  int signatures = 0;
};

TlsConfig config_of(const Certificates& made, const std::vector<std::string>& names) {
  TlsConfig config;
  for (const std::string& name : names) {
    config.certificates.push_back(made.path(name + ".crt"));
    config.keys.push_back(made.path(name + ".key"));
  }
  return config;
}

std::function<void(SSL*)> only(int version) {
  return [version](SSL* ssl) {
    SSL_set_min_proto_version(ssl, version);
    SSL_set_max_proto_version(ssl, version);
  };
}

void load_client(SSL* ssl, const Certificates& made, const std::string& name) {
  REQUIRE(SSL_use_certificate_file(ssl, made.path(name + ".crt").c_str(), SSL_FILETYPE_PEM) == 1);
  REQUIRE(SSL_use_PrivateKey_file(ssl, made.path(name + ".key").c_str(), SSL_FILETYPE_PEM) == 1);
}

// What the client would send for these bytes.
std::string record_of(tls::Connection& client, std::string_view bytes) {
  BIO* const socket = SSL_get_wbio(&client.ssl());
  BIO_up_ref(socket);
  BIO* const memory = BIO_new(BIO_s_mem());
  BIO_up_ref(memory);
  SSL_set0_wbio(&client.ssl(), memory);
  const tls::Bio kept(memory);
  CHECK(client.write(bytes).bytes == bytes.size());
  SSL_set0_wbio(&client.ssl(), socket);
  char* from = nullptr;
  const long size = BIO_get_mem_data(memory, &from);
  return {from, static_cast<std::size_t>(size)};
}

// All that is there, and buffers are given back after each piece.
std::string read_in_pieces(tls::Connection& connection) {
  std::string all;
  std::array<std::uint8_t, 2> piece{};
  tls::Moved moved{tls::Did::done, 0};
  while (moved.did == tls::Did::done) {
    moved = connection.read(piece);
    all.append(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(moved.bytes));
    connection.give_buffers_back();
  }
  CHECK(moved.did == tls::Did::wants_read);
  return all;
}

}  // namespace

TEST_CASE("handshake: every kind of key signs once, in both versions") {
  const Certificates made;
  for (const std::string kind : {"rsa:2048", "ec", "ed25519"}) {
    CAPTURE(kind);
    made.server("front", kind, "front.example");
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      CAPTURE(version);
      Scene scene(config_of(made, {"front"}));
      TlsPair pair(scene.server, {"front.example", made.path("ca.crt"), false}, only(version));
      REQUIRE(pair.shake_hands());
      CHECK(scene.signatures == 1);
      CHECK(pair.client().version() == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
      CHECK(pair.client().write("hello").bytes == 5);
      std::array<std::uint8_t, 16> room{};
      CHECK(pair.server().peek(room).bytes == 5);
      CHECK(pair.server().read(room).bytes == 5);
      CHECK(pair.server().read(room).did == tls::Did::wants_read);
      CHECK(pair.client().end_sending() == tls::Did::done);
      CHECK(pair.server().read(room).did == tls::Did::ended);
      CHECK(pair.server().write("still").bytes == 5);
      CHECK(pair.client().read(room).bytes == 5);
    }
  }
}

// Also of a record whose head is there and not the rest, and of one that was read in part.
TEST_CASE("handshake: giving buffers back, wherever in a record the connection is, loses nothing") {
  const Certificates made;
  made.server("front", "ec", "front.example");
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Scene scene(config_of(made, {"front"}));
    TlsPair pair(scene.server, {"front.example", made.path("ca.crt"), false}, only(version));
    REQUIRE(pair.shake_hands());
    const std::string record = record_of(pair.client(), "hello");
    std::string got;
    for (const char byte : record) {
      CHECK(::send(pair.client().fd(), &byte, 1, MSG_NOSIGNAL) == 1);
      got += read_in_pieces(pair.server());
    }
    CHECK(got == "hello");
    CHECK(pair.server().write("still").bytes == 5);
    CHECK(read_in_pieces(pair.client()) == "still");
  }
}

TEST_CASE("handshake: without a signature there is none") {
  const Certificates made;
  made.server("front", "ec", "front.example");
  Scene scene(config_of(made, {"front"}));
  tls::set_signer([](unsigned, tls::Scheme, tls::Bytes) { return std::nullopt; });
  TlsPair pair(scene.server, {"front.example", made.path("ca.crt"), false});
  CHECK_FALSE(pair.shake_hands());
}

TEST_CASE("handshake: TLS 1.1, a cipher without forward secrecy and another protocol are refused") {
  const Certificates made;
  made.server("front", "rsa:2048", "front.example");
  const Scene scene(config_of(made, {"front"}));
  const tls::ServerTrust trust{"front.example", made.path("ca.crt"), false};
  CHECK_FALSE(TlsPair(scene.server, trust, [](SSL* ssl) {
                SSL_set_security_level(ssl, 0);
                only(TLS1_1_VERSION)(ssl);
              }).shake_hands());
  CHECK_FALSE(TlsPair(scene.server, trust, [](SSL* ssl) {
                only(TLS1_2_VERSION)(ssl);
                SSL_set_cipher_list(ssl, "AES256-GCM-SHA384");
              }).shake_hands());
  CHECK_FALSE(TlsPair(scene.server, trust, [](SSL* ssl) {
                constexpr std::array<unsigned char, 5> kHttp{4, 'h', 't', 't', 'p'};
                SSL_set_alpn_protos(ssl, kHttp.data(), kHttp.size());
              }).shake_hands());
  TlsPair pair(scene.server, trust);
  REQUIRE(pair.shake_hands());
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(&pair.client().ssl(), &protocol, &size);
  CHECK(std::string(protocol, protocol + size) == "usher");
}

TEST_CASE("handshake: no session is kept or given away") {
  const Certificates made;
  made.server("front", "ec", "front.example");
  const Scene scene(config_of(made, {"front"}));
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPair pair(scene.server, {"front.example", made.path("ca.crt"), false}, only(version));
    REQUIRE(pair.shake_hands());
    pair.server().write("x");
    std::array<std::uint8_t, 16> room{};
    pair.client().read(room);
    const SSL_SESSION* session = SSL_get0_session(&pair.client().ssl());
    CHECK(SSL_SESSION_has_ticket(session) == 0);
    unsigned id = 0;
    SSL_SESSION_get_id(session, &id);
    if (version == TLS1_2_VERSION) CHECK(id == 0);
  }
}

TEST_CASE("handshake: the name that a client asks for chooses the certificate, the first is for all others") {
  const Certificates made;
  made.server("one", "ec", "one.example");
  made.server("two", "rsa:2048", "*.two.example");
  const Scene scene(config_of(made, {"one", "two"}));
  const auto served = [&](const std::string& name) {
    TlsPair pair(scene.server, {name, "", true});
    REQUIRE(pair.shake_hands());
    return tls::common_name_of(*pair.client().peer());
  };
  CHECK(served("one.example") == "one.example");
  CHECK(served("a.two.example") == "*.two.example");
  CHECK(served("three.example") == "one.example");
  CHECK(served("127.0.0.1") == "one.example");
}

TEST_CASE("handshake: a client believes only the name that it wanted, of an authority that it trusts") {
  const Certificates made, others;
  made.server("front", "ec", "front.example");
  const Scene scene(config_of(made, {"front"}));
  const auto believed = [&](const tls::ServerTrust& trust) { return TlsPair(scene.server, trust).shake_hands(); };
  CHECK(believed({"front.example", made.path("ca.crt"), false}));
  CHECK(believed({"127.0.0.1", made.path("ca.crt"), false}));
  CHECK_FALSE(believed({"back.example", made.path("ca.crt"), false}));
  CHECK_FALSE(believed({"127.0.0.2", made.path("ca.crt"), false}));
  CHECK_FALSE(believed({"front.example", others.path("ca.crt"), false}));
  CHECK(believed({"back.example", "", true}));
}

TEST_CASE("handshake: a client's certificate is asked for, verified and read") {
  const Certificates made, others;
  made.server("front", "ec", "front.example");
  made.client("alice", "/O=Example/CN=alice", "subjectAltName=email:al@example.org");
  others.client("mallory", "/CN=alice");
  TlsConfig config = config_of(made, {"front"});
  config.client_ca = made.path("ca.crt");
  const tls::ServerTrust trust{"front.example", made.path("ca.crt"), false};
  const auto as = [&](const Certificates& whose, const std::string& name) {
    return [&whose, name](SSL* ssl) { load_client(ssl, whose, name); };
  };
  for (const bool required : {false, true}) {
    CAPTURE(required);
    config.require_client_certificate = required;
    const Scene scene(config);
    TlsPair alice(scene.server, trust, as(made, "alice"));
    REQUIRE(alice.shake_hands());
    CHECK(tls::common_name_of(*alice.server().peer()) == "alice");
    CHECK(tls::email_of(*alice.server().peer()) == "al@example.org");
    CHECK(tls::subject_of(*alice.server().peer()) == "CN=alice,O=Example");
    CHECK_FALSE(TlsPair(scene.server, trust, as(others, "mallory")).shake_hands());
    TlsPair nobody(scene.server, trust, only(TLS1_2_VERSION));
    CHECK(nobody.shake_hands() == !required);
    CHECK_FALSE(nobody.server().peer());
  }
}
