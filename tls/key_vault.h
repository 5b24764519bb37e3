// Private keys, kept where a process that shall not have them does not get them.
//
// Model:  a key is read from its file in a process of its own, which leaves the key alone (key_form.h) for a page
//         of this one's and ends: no other copy of it stands anywhere in this process's memory. keep_from_children() takes the pages from
//         all processes forked later; one that still has them reads a key from its page for the moment of a signature.
// Shape:  RSA of 2048 to 4096 bits, EC on P-256, P-384 or P-521, Ed25519.
// Source: madvise(2), MADV_DONTFORK.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace usher::tls {

class KeyVault {
 public:
  KeyVault() = default;
  ~KeyVault();
  KeyVault(const KeyVault&) = delete;
  KeyVault& operator=(const KeyVault&) = delete;

  // The key of the first certificate in the other file; its number counts from 0.
  // Errors: Error(configuration): a file cannot be read, the key is encrypted, of another kind, or another
  // certificate's.
  std::size_t add(const std::string& certificate_file, const std::string& key_file);
  std::size_t size() const noexcept { return pages_.size(); }

  // For one signature. Errors: Error(io).
  Key key(std::size_t number) const;

  // From here on no child has them. Errors: std::system_error.
  void keep_from_children() const;

 private:
  struct Page;
  std::vector<Page*> pages_;
};

}  // namespace usher::tls
