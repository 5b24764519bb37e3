// Certificates as they stand in files (PEM), and what an operator wants to know of them.
//
// Errors: Error(configuration): the file cannot be read, others than root and the caller may change it, or it has none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace usher::tls {

// The bytes of a certificate or key. Wiped when they go, since they may be a key.
class PemFile {
 public:
  explicit PemFile(const std::string& path);
  ~PemFile();
  PemFile(const PemFile&) = delete;
  PemFile& operator=(const PemFile&) = delete;

  // For reading the objects in it one after the other.
  Bio reader() const;
  // May others than its owner read it?
  bool open_to_others() const noexcept { return open_to_others_; }

 private:
  std::string bytes_;
  bool open_to_others_ = false;
};

// All that the file has; at least one.
std::vector<Certificate> read_certificates(const std::string& path);

// Units: seconds since 1970.
std::int64_t begin_of(const X509& certificate);
std::int64_t end_of(const X509& certificate);

// The last common name of the subject, or the first e-mail address (of the alternative names, else of the subject);
// empty when there is none, or when it has a NUL byte or is not UTF-8.
std::string common_name_of(const X509& certificate);
std::string email_of(const X509& certificate);
// "CN=alice,O=Example" (RFC 2253), printable.
std::string subject_of(const X509& certificate);

}  // namespace usher::tls
