// [listener.tls]: what is read, and what its keys say of each other.
#include <doctest/doctest.h>

#include "tests/base/configuration_support.h"

using namespace usher;
using namespace usher::testing;

namespace {

const std::string kListener =
    "[[listener]]\nname = \"t\"\naddress = \"127.0.0.1:1\"\npool = \"workers\"\n[listener.tls]\n";
const std::string kOne = "certificate = \"/c\"\nkey = \"/k\"\n";

TlsConfig tls_of(const std::string& keys) {
  const ConfigurationResult result = parse_configuration(source_of(kListener + keys + std::string(kGood)));
  REQUIRE(lines_of(result.faults).empty());
  CHECK_FALSE(result.configuration.listeners[1].tls.on());
  return result.configuration.listeners[0].tls;
}

}  // namespace

TEST_CASE("tls: one certificate is named by its file, several by a list") {
  const TlsConfig one = tls_of(kOne);
  CHECK(one.on());
  CHECK(one.certificates == std::vector<std::string>{"/c"});
  CHECK(one.keys == std::vector<std::string>{"/k"});
  CHECK(one.client_ca.empty());
  CHECK(one.user_from == CertificateUser::none);
  CHECK_FALSE(one.replace_password);
  CHECK(one.handover == TlsHandover::relay);
  const TlsConfig two = tls_of("certificate = [\"/c\", \"/d\"]\nkey = [\"/k\", \"/l\"]\n");
  CHECK(two.certificates == std::vector<std::string>{"/c", "/d"});
  CHECK(two.keys == std::vector<std::string>{"/k", "/l"});
}

TEST_CASE("tls: certificates of clients") {
  const TlsConfig tls = tls_of(kOne +
                               "client_ca = \"/ca\"\nrequire_client_certificate = true\nuser_from = \"email\"\n"
                               "replace_password = true\n");
  CHECK(tls.client_ca == "/ca");
  CHECK(tls.require_client_certificate);
  CHECK(tls.user_from == CertificateUser::email);
  CHECK(tls.replace_password);
}

TEST_CASE("tls: the kernel may be asked to carry sessions on") {
  CHECK(tls_of(kOne + "handover = \"kernel\"\n").handover == TlsHandover::kernel);
}

TEST_CASE("tls: what does not go together is a fault at its key") {
  const auto faults = [](const std::string& keys) { return faults_before_good(kListener + keys); };
  CHECK(faults("certificate = [\"/c\", \"/d\"]\nkey = \"/k\"\n") ==
        "usher.toml:7:7: error: listener \"t\" has 2 certificates and 1 keys; name one key for each certificate, in "
        "the same "
        "order\n");
  CHECK(faults(kOne + "require_client_certificate = true\n").find("demands certificates that nobody may sign") !=
        std::string::npos);
  CHECK(faults(kOne + "user_from = \"common_name\"\n").find("certificates that it does not ask for") !=
        std::string::npos);
  CHECK(faults(kOne + "replace_password = true\n").find("no user without a password") != std::string::npos);
  CHECK(faults(kOne + "handover = \"other\"\n").find("handover") != std::string::npos);
  CHECK(faults("key = \"/k\"\n").find("tls of listener \"t\" has no certificate") != std::string::npos);
  CHECK(faults("certificate = \"c\"\nkey = \"/k\"\n").find("which is not an absolute path") != std::string::npos);
  CHECK(
      faults("certificate = []\nkey = \"/k\"\n").find("has 0 elements; write the absolute path of a file, or a list") !=
      std::string::npos);
  CHECK(faults(kOne + "cert = \"/c\"\n").find("has an unknown key \"cert\"") != std::string::npos);
}
