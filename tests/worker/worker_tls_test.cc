// A worker whose client speaks TLS: handshake, dialog, relay, certificates of clients, and where the key is.
#include <doctest/doctest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/support/accounts.h"
#include "tests/support/certificates.h"
#include "tests/support/process_memory.h"
#include "tests/support/process_table.h"
#include "tests/support/skip.h"
#include "tests/support/tls_client.h"
#include "tests/worker/worker_harness.h"
#include "tls/traffic_keys.h"
#include "worker/worker.h"

using namespace usher;
using namespace usher::testing;

namespace {

const std::string kPrograms = shell_program("cat", "exec cat") + shell_program("say", "echo said; exit 3") +
                              shell_program("env", "env | grep USHER_TLS | sort") +
                              shell_program("hold", "trap 'echo hup >&2; exit 1' HUP; echo on; sleep 60 & wait");

struct Scene {
  explicit Scene(const std::string& listener = "", const std::string& kind = "ec") {
    made.server("front", kind, "front.example");
    harness.emplace(WorkerSetting{
        .programs = kPrograms,
        .listener = before_tls(listener) + "[listener.tls]\n" + made.keys_of("front") + tls_keys(listener)});
  }
  // "KEYS|KEYS": those of the listener, then those of its table tls. "@" stands for the certificates' directory.
  std::string before_tls(const std::string& text) const { return text.substr(0, text.find('|')); }
  std::string tls_keys(std::string text) const {
    const std::size_t bar = text.find('|');
    text = bar == text.npos ? "" : text.substr(bar + 1);
    for (std::size_t at = 0; (at = text.find('@')) != text.npos;) text.replace(at, 1, made.path());
    return text;
  }
  TlsClient connect(const TlsClient::Prepare& prepare = {}) {
    return TlsClient(harness->connect_socket(), {"front.example", made.path("ca.crt"), false}, prepare);
  }
  TlsClient::Prepare as(const std::string& name) const {
    return [this, name](SSL* ssl) {
      REQUIRE(SSL_use_certificate_file(ssl, made.path(name + ".crt").c_str(), SSL_FILETYPE_PEM) == 1);
      REQUIRE(SSL_use_PrivateKey_file(ssl, made.path(name + ".key").c_str(), SSL_FILETYPE_PEM) == 1);
    };
  }
  // Into a program, after its 110.
  void start(TlsClient& client, const std::string& program) {
    log_in(client, usual_account(), program);
    harness->grant();
    client.expect_line(110);
  }
  pid_t login_process() const {
    for (const ProcessEntry& process : children_of(harness->pid())) {
      if (read_file("/proc/" + std::to_string(process.pid) + "/status").find("Seccomp:\t2") != std::string::npos)
        return process.pid;
    }
    return 0;
  }

  Certificates made;
  std::optional<WorkerHarness> harness;
};

// The secret numbers of a key, in both orders of bytes.
std::vector<std::string> secrets_of(const std::string& file, const std::vector<const char*>& numbers) {
  std::FILE* stream = std::fopen(file.c_str(), "r");
  REQUIRE(stream != nullptr);
  const tls::Key key(PEM_read_PrivateKey(stream, nullptr, nullptr, nullptr));
  std::fclose(stream);
  REQUIRE(key);
  std::vector<std::string> found;
  for (const char* number : numbers) {
    BIGNUM* value = nullptr;
    REQUIRE(EVP_PKEY_get_bn_param(key.get(), number, &value) == 1);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));  // NOLINT: characters as bytes
    BN_free(value);
    found.push_back(bytes);
    std::reverse(bytes.begin(), bytes.end());
    found.push_back(bytes);
  }
  return found;
}

bool has_any(const std::string& memory, const std::vector<std::string>& secrets) {
  return std::any_of(secrets.begin(), secrets.end(),
                     [&](const std::string& one) { return memory.find(one) != memory.npos; });
}

std::string pattern_of(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 7;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1'664'525U + 1'013'904'223U) >> 24U);
  return bytes;
}

}  // namespace

TEST_CASE("TLS: a login, a program and its result, with every kind of key") {
  for (const std::string kind : {"ec", "rsa:2048", "ed25519"}) {
    CAPTURE(kind);
    Scene scene("", kind);
    TlsClient client = scene.connect();
    scene.start(client, "say");
    CHECK(client.read_until_closed() == "said\n\r\n902 status 3\r\n");
    client.close();
    CHECK(scene.harness->wait() == static_cast<int>(WorkerExit::clean));
  }
}

TEST_CASE("TLS: what came with the program's line is the program's, and ends are passed on both ways") {
  Scene scene;
  TlsClient client = scene.connect();
  client.answer(100, usual_account());
  client.answer(101, usual_account() + "-secret");
  client.expect_line(102);
  client.send("cat\r\nfirst bytes\nmore");
  scene.harness->grant();
  client.expect_line(110);
  CHECK(client.read_line() == "first bytes");
  client.finish_sending();
  CHECK(client.read_until_closed() == "more\r\n103 The program has ended.\r\n");
}

TEST_CASE("TLS: where the kernel may have the keys a session goes as it does elsewhere, whether it takes them or not") {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    const auto prepare = [version](SSL* ssl) { REQUIRE(SSL_set_max_proto_version(ssl, version) == 1); };
    Scene scene("|handover = \"kernel\"\n");
    TlsClient client = scene.connect(prepare);
    scene.start(client, "say");
    CHECK(client.read_until_closed() == "said\n\r\n902 status 3\r\n");

    Scene other("|handover = \"kernel\"\n");
    TlsClient hasty = other.connect(prepare);
    hasty.answer(100, usual_account());
    hasty.answer(101, usual_account() + "-secret");
    hasty.expect_line(102);
    hasty.send("cat\r\nfirst bytes\n");
    other.harness->grant();
    hasty.expect_line(110);
    CHECK(hasty.read_line() == "first bytes");
  }
}

// In the order of the client's key log: what each side sends is sealed with.
std::vector<std::string> traffic_keys;

void keep_traffic_key(const SSL* /*ssl*/, const char* line) {
  const std::string text(line);
  if (text.find("_TRAFFIC_SECRET_0 ") == text.npos) return;
  std::vector<std::uint8_t> secret;
  for (std::size_t at = text.rfind(' ') + 1; at + 1 < text.size(); at += 2)
    secret.push_back(static_cast<std::uint8_t>(std::stoul(text.substr(at, 2), nullptr, 16)));
  const auto keys = tls::keys_of_secret(secret, "SHA384", tls::Cipher::aes_256_gcm);
  traffic_keys.emplace_back(keys.key.begin(), keys.key.end());
}

TEST_CASE("TLS: keys for the kernel leave nothing behind in the worker") {
  SKIP_UNLESS(geteuid() == 0, "only root can look into a worker");
  Scene scene("|handover = \"kernel\"\n");
  traffic_keys.clear();
  TlsClient client =
      scene.connect([](SSL* ssl) { SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), keep_traffic_key); });
  scene.start(client, "hold");
  CHECK(client.read_line() == "on");
  REQUIRE(traffic_keys.size() == 2);
  CHECK_FALSE(has_any(memory_of(scene.harness->pid()), traffic_keys));
}

TEST_CASE("TLS: 10 MB go through both ways at once, to the byte") {
  Scene scene;
  TlsClient client = scene.connect();
  scene.start(client, "cat");
  const std::string sent = pattern_of(10'000'000);
  std::string got;
  for (std::size_t at = 0; at < sent.size(); at += 20'000) {
    client.send(std::string_view(sent).substr(at, 20'000));
    if (at >= 40'000) got += client.read_bytes(20'000);
  }
  client.finish_sending();
  got += client.read_until_closed();
  CHECK(got == sent + "\r\n103 The program has ended.\r\n");
}

TEST_CASE("TLS: a client that does not read holds up the program and costs nothing meanwhile") {
  Scene scene;
  TlsClient client = scene.connect();
  scene.start(client, "cat");
  const pid_t relay = scene.login_process();
  REQUIRE(relay > 0);
  const auto cpu = [&] {
    std::istringstream stat(read_file("/proc/" + std::to_string(relay) + "/stat"));
    std::vector<std::string> words{std::istream_iterator<std::string>(stat), {}};
    return std::stol(words.at(13)) + std::stol(words.at(14));
  };
  const std::string block = pattern_of(1'000'000);
  std::size_t sent = 0;
  for (int blocked = 0; blocked < 3;) {
    const tls::Moved moved = client.connection().write(std::string_view(block).substr(sent % block.size()));
    sent += moved.bytes;
    pollfd room{client.fd(), POLLOUT, 0};
    blocked = ::poll(&room, 1, 100) == 0 ? blocked + 1 : 0;
  }
  const long before = cpu();
  ::poll(nullptr, 0, 300);
  CHECK(cpu() - before <= 2);  // of 30 ticks
  CHECK(sent < 50'000'000);
  for (std::size_t at = 0; at < sent;) {
    const std::size_t piece = std::min<std::size_t>({sent - at, block.size() - at % block.size(), 10'000});
    REQUIRE(client.read_bytes(piece) == block.substr(at % block.size(), piece));
    at += piece;
  }
}

TEST_CASE("TLS: a connection that is lost, or cut without close_notify, ends the program") {
  for (const bool reset : {false, true}) {
    CAPTURE(reset);
    Scene scene;
    TlsClient client = scene.connect();
    scene.start(client, "hold");
    CHECK(client.read_line() == "on");
    if (reset) {
      const linger now{1, 0};
      check(::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now), "linger");
    }
    client.close();
    CHECK(scene.harness->wait() == static_cast<int>(WorkerExit::clean));
    CHECK(scene.harness->log_text() == "hup\n");
  }
}

TEST_CASE("TLS: a killed relay is a lost connection") {
  Scene scene;
  TlsClient client = scene.connect();
  scene.start(client, "hold");
  CHECK(client.read_line() == "on");
  check(::kill(scene.login_process(), SIGKILL), "kill");
  CHECK(client.is_cut());
  CHECK(scene.harness->wait() == static_cast<int>(WorkerExit::login_crashed));
  CHECK(scene.harness->log_text() == "hup\n");
}

TEST_CASE("TLS: a killed worker takes its relay along") {
  Scene scene;
  TlsClient client = scene.connect();
  scene.start(client, "hold");
  const pid_t relay = scene.login_process();
  ::kill(scene.harness->pid(), SIGKILL);
  scene.harness->wait();
  CHECK(client.is_cut());
  CHECK(wait_until([&] { return !is_running(relay); }));
}

TEST_CASE("TLS: behind a proxy its header comes first, and not a byte of the handshake is taken for it") {
  Scene scene("proxy_networks = [\"127.0.0.0/8\"]\n");
  UniqueFd socket = scene.harness->connect_socket();
  const std::string header = "PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
  REQUIRE(::send(socket.get(), header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()));
  TlsClient client(std::move(socket));
  CHECK(scene.harness->from_pool_channel<TookClient>().client.str() == "192.0.2.7:4711");
  scene.start(client, "say");
  CHECK(client.read_line() == "said");
}

TEST_CASE("TLS: the program learns the version, the cipher and the client's certificate") {
  Scene scene("|client_ca = \"@/ca.crt\"\n");
  scene.made.client("alice", "/O=Example/CN=alice");
  TlsClient client = scene.connect(scene.as("alice"));
  scene.start(client, "env");
  CHECK(client.read_until_closed() ==
        "USHER_TLS_CIPHER=TLS_AES_256_GCM_SHA384\nUSHER_TLS_CLIENT=CN=alice,O=Example\nUSHER_TLS_VERSION=TLSv1.3\n\r\n"
        "103 The program has ended.\r\n");
}

TEST_CASE("TLS: garbage and a plain client get no line, and the connection ends") {
  for (const std::string& bytes :
       {std::string("normal\r\n"), std::string("GET / HTTP/1.0\r\n\r\n"), std::string(300, '\xFF')}) {
    Scene scene;
    Client client(scene.harness->connect_socket());
    client.send(bytes);
    const std::string answer = client.read_until_closed();
    CHECK(answer.find("100") == answer.npos);
    CHECK((answer.empty() || answer[0] == '\x15'));  // an alert
    client.close();
    CHECK(scene.harness->wait() == static_cast<int>(WorkerExit::clean));
  }
}

TEST_CASE("TLS: a client that stops in the middle of the handshake is closed without a word at the deadline") {
  for (const std::string& bytes : {std::string(), std::string("\x16\x03\x01\x02\x00\x01\x00", 7)}) {
    Scene scene("login_timeout = \"1s\"\n");
    Client client(scene.harness->connect_socket());
    if (!bytes.empty()) client.send(bytes);
    CHECK(client.read_until_closed().empty());
    client.close();
    CHECK(scene.harness->wait() == static_cast<int>(WorkerExit::clean));
  }
}

TEST_CASE("TLS: after the handshake the deadline and refusals are told") {
  Scene scene("login_timeout = \"1s\"\n");
  TlsClient client = scene.connect();
  client.answer(100, usual_account());
  client.expect_line(101);
  client.expect_line(904);
  CHECK(client.read_until_closed().empty());
}

TEST_CASE("TLS: a certificate names the user, whose password is still asked for") {
  for (const std::string from : {"common_name", "email"}) {
    CAPTURE(from);
    Scene scene("|client_ca = \"@/ca.crt\"\nrequire_client_certificate = true\nuser_from = \"" + from + "\"\n");
    scene.made.client("alice", "/CN=" + (from == "email" ? "somebody" : usual_account()),
                      "subjectAltName=email:" + usual_account() + "@example.org");
    TlsClient client = scene.connect(scene.as("alice"));
    client.answer(101, "wrong");
    client.expect_line(900);
    client.answer(101, usual_account() + "-secret");
    client.answer(102, "say");
    scene.harness->grant();
    client.expect_line(110);
    CHECK(client.read_line() == "said");
  }
}

TEST_CASE("TLS: a certificate in place of the password") {
  const std::string keys = "|client_ca = \"@/ca.crt\"\nuser_from = \"common_name\"\nreplace_password = true\n";
  {
    Scene scene(keys);
    scene.made.client("alice", "/CN=" + usual_account());
    TlsClient client = scene.connect(scene.as("alice"));
    client.answer(102, "say");
    const Claim claim = scene.harness->grant();
    CHECK(claim.user.str() == usual_account());
    client.expect_line(110);
  }
  {
    Scene scene(keys);
    scene.made.client("nobody", "/CN=no-such-user");
    TlsClient client = scene.connect(scene.as("nobody"));
    client.expect_line(900);
    CHECK(client.read_until_closed().empty());
  }
  {
    Scene scene(keys);
    TlsClient client = scene.connect();
    client.answer(100, usual_account());
    client.answer(101, "wrong");
    client.expect_line(900);
  }
}

TEST_CASE("TLS: neither before a client nor after its handshake is the key in the login process's memory") {
  SKIP_UNLESS(geteuid() == 0, "only root can look into the login process");
  struct Kind {
    std::string name;
    std::vector<const char*> numbers;
  };
  const std::vector<Kind> kinds{{"rsa:2048",
                                 {OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2,
                                  OSSL_PKEY_PARAM_RSA_EXPONENT1}},
                                {"ec", {OSSL_PKEY_PARAM_PRIV_KEY}}};
  for (const Kind& kind : kinds) {
    CAPTURE(kind.name);
    Scene scene("", kind.name);
    const auto secrets = secrets_of(scene.made.path("front.key"), kind.numbers);
    CHECK(has_any(memory_of(scene.harness->pid()), secrets));
    CHECK_FALSE(has_any(memory_of(scene.login_process()), secrets));
    TlsClient client = scene.connect();
    client.expect_line(100);
    const std::string memory = memory_of(scene.login_process());
    CHECK(memory.find("TLS 1.3, server CertificateVerify") != memory.npos);
    CHECK_FALSE(has_any(memory, secrets));
  }
}
