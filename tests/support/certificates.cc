#include "tests/support/certificates.h"

#include <stdexcept>

#include "tests/support/process.h"

namespace usher::testing {
namespace {

// The words of `openssl req` for a key of that kind.
std::vector<std::string> kind_words(const std::string& kind) {
  if (kind == "ec") return kind_words("ec:P-256");
  if (kind.starts_with("ec:")) return {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:" + kind.substr(3)};
  return {"-newkey", kind};
}

}  // namespace

Certificates::Certificates() {
  openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path("ca.key"),
           "-out", path("ca.crt"), "-subj", "/CN=Test authority", "-days", "100"});
}

void Certificates::openssl(const std::vector<std::string>& words) const {
  std::vector<std::string> command{"openssl"};
  command.insert(command.end(), words.begin(), words.end());
  const Result result = run(command);
  if (result.ending.code != 0) throw std::runtime_error("openssl: " + result.error_output);
}

void Certificates::sign(const std::string& name, const std::string& kind, const std::string& subject,
                        const std::string& extensions, int days) const {
  std::vector<std::string> request{
      "req", "-new", "-nodes", "-keyout", path(name + ".key"), "-out", path(name + ".req"), "-subj", subject};
  const auto words = kind_words(kind);
  request.insert(request.end(), words.begin(), words.end());
  openssl(request);
  directory_.write(name + ".ext", extensions);
  openssl({"x509", "-req", "-in", path(name + ".req"), "-CA", path("ca.crt"), "-CAkey", path("ca.key"),
           "-CAcreateserial", "-out", path(name + ".crt"), "-days", std::to_string(days), "-extfile",
           path(name + ".ext")});
}

void Certificates::server(const std::string& name, const std::string& kind, const std::string& host, int days) const {
  sign(name, kind, "/CN=" + host, "subjectAltName=DNS:" + host + ",IP:127.0.0.1\n", days);
}

void Certificates::client(const std::string& name, const std::string& subject, const std::string& more) const {
  sign(name, "ec", subject, "extendedKeyUsage=clientAuth\n" + more + "\n", 100);
}

std::string Certificates::keys_of(const std::string& name) const {
  return "certificate = \"" + path(name + ".crt") + "\"\nkey = \"" + path(name + ".key") + "\"\n";
}

}  // namespace usher::testing
