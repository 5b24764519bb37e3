// Certificates of a test's own, made by openssl(1): an authority, servers, clients.
//
//   const Certificates made;
//   made.server("front", "rsa:2048", "front.example");   // front.crt, front.key
//   made.client("alice", "/CN=alice");
#pragma once

#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"

namespace usher::testing {

class Certificates {
 public:
  // With an authority of its own: ca.crt.
  Certificates();

  // `kind` as `openssl req -newkey` takes it: "rsa:2048", "ec" (on P-256), "ec:P-384", "ed25519". For the given name and 127.0.0.1.
  void server(const std::string& name, const std::string& kind, const std::string& host, int days = 100) const;
  void client(const std::string& name, const std::string& subject, const std::string& more = "") const;

  const std::string& path() const noexcept { return directory_.path(); }
  std::string path(const std::string& name) const { return directory_.path(name); }
  // "certificate = ..., key = ...": lines of TOML.
  std::string keys_of(const std::string& name) const;

 private:
  void sign(const std::string& name, const std::string& kind, const std::string& subject, const std::string& extensions,
            int days) const;
  void openssl(const std::vector<std::string>& words) const;

  TemporaryDirectory directory_;
};

}  // namespace usher::testing
