#include "base/configuration_parse.h"

namespace usher {

void check_tls(const TlsConfig& tls, const std::string& path, const std::string& label, const Places& places,
               FaultList& faults) {
  const auto refuse = [&](const char* key, const std::string& message, const std::string& remedy) {
    if (places.good(path + "/" + key)) faults.error(places.of(path + "/" + key), message, remedy);
  };
  if (tls.certificates.size() != tls.keys.size() && places.good(path + "/certificate")) {
    refuse("key",
           label + " has " + std::to_string(tls.certificates.size()) + " certificates and " +
               std::to_string(tls.keys.size()) + " keys",
           "name one key for each certificate, in the same order");
  }
  if (tls.require_client_certificate && tls.client_ca.empty()) {
    refuse("require_client_certificate", label + " demands certificates that nobody may sign",
           "name a file of certificate authorities with client_ca");
  }
  if (tls.user_from != CertificateUser::none && tls.client_ca.empty()) {
    refuse("user_from", label + " takes users from certificates that it does not ask for",
           "name a file of certificate authorities with client_ca");
  }
  if (tls.replace_password && tls.user_from == CertificateUser::none) {
    refuse("replace_password", label + " has no user without a password",
           "say with user_from who the certificate is for");
  }
}

}  // namespace usher
