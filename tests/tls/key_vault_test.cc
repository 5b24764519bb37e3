// Keys that are read without a trace, and kept from children.
#include "tls/key_vault.h"

#include <doctest/doctest.h>
#include <openssl/pem.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/system.h"
#include "tests/support/certificates.h"
#include "tests/support/process.h"
#include "usher/error.h"

using namespace usher;
using namespace usher::testing;

namespace {

std::string reason_of(const std::string& certificate, const std::string& key) {
  tls::KeyVault vault;
  try {
    vault.add(certificate, key);
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

// With the private ones.
std::string numbers_of(EVP_PKEY& key) {
  const tls::Bio text(BIO_new(BIO_s_mem()));
  REQUIRE(EVP_PKEY_print_private(text.get(), &key, 0, nullptr) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

TEST_CASE("vault: what is wrong with a key is told with its file") {
  const Certificates made;
  made.server("front", "ec", "front.example");
  made.server("other", "ec", "other.example");
  const std::string certificate = made.path("front.crt"), key = made.path("front.key");
  CHECK(reason_of(certificate, key) == "none");
  CHECK(reason_of(certificate, made.path("other.key")) ==
        "\"" + made.path("other.key") + "\" is not the key of the certificate in \"" + certificate + "\"");
  CHECK(reason_of(certificate, made.path("none")) ==
        "\"" + made.path("none") + "\" cannot be read: No such file or directory");
  CHECK(reason_of(certificate, certificate).find("has no private key in PEM form") != std::string::npos);
  CHECK(reason_of(key, key).find("has no certificate in PEM form") != std::string::npos);
  CHECK(reason_of(certificate, made.path()).find("is not a regular file") != std::string::npos);
  REQUIRE(run({"openssl", "pkey", "-in", key, "-aes256", "-passout", "pass:secret", "-out", made.path("locked.key")})
              .ending.code == 0);
  CHECK(reason_of(certificate, made.path("locked.key")).find("is encrypted") != std::string::npos);
  REQUIRE(run({"openssl", "genpkey", "-algorithm", "rsa", "-pkeyopt", "rsa_keygen_bits:1024", "-out",
               made.path("weak.key")})
              .ending.code == 0);
  CHECK(reason_of(certificate, made.path("weak.key")).find("is an RSA key of 1024 bits, not of 2048 to 4096") !=
        std::string::npos);
  check(::chmod(key.c_str(), 0666), "chmod");
  CHECK(reason_of(certificate, key).find("can be changed by its group or by others") != std::string::npos);
}

TEST_CASE("vault: a key of each kind and size comes back whole") {
  const Certificates made;
  tls::KeyVault vault;
  for (const std::string kind : {"rsa:2048", "rsa:4096", "ec:P-256", "ec:P-384", "ec:P-521", "ed25519"}) {
    CAPTURE(kind);
    made.server("front", kind, "front.example");
    const tls::Key key = vault.key(vault.add(made.path("front.crt"), made.path("front.key")));
    std::FILE* file = std::fopen(made.path("front.key").c_str(), "r");
    REQUIRE(file != nullptr);
    const tls::Key wanted(PEM_read_PrivateKey_ex(file, nullptr, nullptr, nullptr, tls::library(), nullptr));
    std::fclose(file);
    REQUIRE(wanted);
    CHECK(numbers_of(*key) == numbers_of(*wanted));
  }
}

TEST_CASE("vault: a child forked after keep_from_children() cannot reach a key") {
  const Certificates made;
  made.server("front", "ec", "front.example");
  tls::KeyVault vault;
  const std::size_t number = vault.add(made.path("front.crt"), made.path("front.key"));
  const auto child_reads = [&] {
    const pid_t child = check(::fork(), "fork");
    if (child == 0) {
      ::signal(SIGSEGV, SIG_DFL);  // its end, and no fault of the test's
      _exit(vault.key(number) ? 0 : 1);
    }
    int status = 0;
    check(::waitpid(child, &status, 0), "waitpid");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  };
  CHECK(child_reads());
  vault.keep_from_children();
  CHECK_FALSE(child_reads());
  CHECK(vault.key(number));
}
