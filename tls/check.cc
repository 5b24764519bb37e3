#include "tls/check.h"

#include <algorithm>
#include <ctime>

#include "base/clock.h"
#include "base/configuration_parse.h"
#include "tls/key_vault.h"
#include "tls/pem_file.h"
#include "usher/error.h"

namespace usher::tls {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kSoon = 30 * kDay;

class Check {
 public:
  Check(const Places& places, FaultList& faults) : places_(places), faults_(faults) {}

  void run(const ListenerConfig& listener, std::size_t index) {
    path_ = "listener/" + std::to_string(index) + "/tls";
    label_ = listener_label(listener.name, index);
    const TlsConfig& config = listener.tls;
    for (std::size_t i = 0; i < std::min(config.certificates.size(), config.keys.size()); ++i) {
      check_certificate(config.certificates[i]);
      check_key(config.certificates[i], config.keys[i]);
    }
    if (!config.client_ca.empty()) read("client_ca", [&] { read_certificates(config.client_ca); });
  }

 private:
  template <class Read>
  bool read(const char* key, Read read) {
    try {
      read();
      return true;
    } catch (const Error& error) {
      error_at(key, error.what(), "put a good file in its place, or name another");
      return false;
    }
  }

  void check_certificate(const std::string& file) {
    std::int64_t begin = 0, end = 0;
    const bool readable = read("certificate", [&] {
      const auto chain = read_certificates(file);
      begin = begin_of(*chain[0]);
      end = end_of(*chain[0]);
    });
    if (!readable) return;
    const std::int64_t now = wall_clock_ms() / 1000;
    if (end < now) {
      warn_at("certificate", quoted(file) + " ended at " + rfc3339(end * 1000), "renew it");
    } else if (end < now + kSoon) {
      warn_at("certificate", quoted(file) + " ends at " + rfc3339(end * 1000), "renew it, and reload");
    }
    if (begin > now)
      warn_at("certificate", quoted(file) + " begins at " + rfc3339(begin * 1000), "see to the clock, or wait");
  }

  void check_key(const std::string& certificate, const std::string& key) {
    const bool good = read("key", [&] { KeyVault().add(certificate, key); });
    if (good && PemFile(key).open_to_others())
      warn_at("key", quoted(key) + " can be read by others than its owner", "chmod 600 it");
  }

  void error_at(const char* key, const std::string& what, const std::string& remedy) {
    const std::string path = path_ + "/" + key;
    if (places_.good(path)) faults_.error(places_.of(path), "tls of " + label_ + ": " + what, remedy);
  }
  void warn_at(const char* key, const std::string& what, const std::string& remedy) {
    const std::string path = path_ + "/" + key;
    if (places_.good(path)) faults_.warning(places_.of(path), "tls of " + label_ + ": " + what, remedy);
  }

  const Places& places_;
  FaultList& faults_;
  std::string path_, label_;
};

}  // namespace

void check_certificates(const ConfigurationSource& source, ConfigurationResult& result) {
  if (source.files.empty()) return;
  const ParsedConfiguration parsed = parse_with_places(source);
  FaultList faults(source);
  Check check(parsed.places, faults);
  for (std::size_t i = 0; i < parsed.configuration.listeners.size(); ++i)
    check.run(parsed.configuration.listeners[i], i);
  for (Fault& fault : faults.take()) result.faults.push_back(std::move(fault));
  sort_faults(source, result.faults);
}

std::int64_t end_of_certificates(const TlsConfig& config) {
  std::int64_t first = INT64_MAX;
  for (const std::string& file : config.certificates) first = std::min(first, end_of(*read_certificates(file)[0]));
  return first;
}

}  // namespace usher::tls
