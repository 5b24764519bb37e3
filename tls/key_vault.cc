#include "tls/key_vault.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "base/system.h"
#include "base/text.h"
#include "tls/key_form.h"
#include "tls/pem_file.h"
#include "usher/error.h"

namespace usher::tls {

// The key, or why there is none.
struct KeyVault::Page {
  std::size_t size = 0;
  std::array<unsigned char, 4096 - sizeof size> bytes{};
};

namespace {

constexpr int kFewestRsaBits = 2048, kMostRsaBits = 4096;

// Asked for when a key is encrypted: nobody is there to type.
int no_password(char* /*room*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw Error(ErrorCode::configuration, "\"" + printable(file) + "\" " + reason);
}

void check_kind(const EVP_PKEY* key, const std::string& file) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kFewestRsaBits || bits > kMostRsaBits)
      refuse(file, "is an RSA key of " + std::to_string(bits) + " bits, not of 2048 to 4096");
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 64> curve{};
    EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr);
    const std::string name(curve.data());
    if (name != "prime256v1" && name != "secp384r1" && name != "secp521r1") refuse(file, "is on the curve " + name);
  } else if (EVP_PKEY_is_a(key, "ED25519") != 1) {
    refuse(file, "is neither an RSA, nor an EC, nor an Ed25519 key");
  }
}

Key read_key_file(const std::string& file) {
  const PemFile pem(file);
  bool encrypted = false;
  const Bio reader = pem.reader();
  Key key(PEM_read_bio_PrivateKey_ex(reader.get(), nullptr, no_password, &encrypted, library(), nullptr));
  if (encrypted) refuse(file, "is encrypted: nobody can type its password");
  if (!key) refuse(file, "has no private key in PEM form: " + last_reason());
  check_kind(key.get(), file);
  return key;
}

template <class Page>
void put_key(Page& page, const std::string& certificate_file, const std::string& key_file) {
  const Key key = read_key_file(key_file);
  const auto certificates = read_certificates(certificate_file);
  if (X509_check_private_key(certificates[0].get(), key.get()) != 1) {
    refuse(key_file, "is not the key of the certificate in \"" + printable(certificate_file) + "\"");
  }
  page.size = write_key(*key, page.bytes);
  if (page.size == 0) refuse(key_file, "is too long a key");
}

template <class Page>
[[noreturn]] void fill(Page& page, const std::string& certificate_file, const std::string& key_file) noexcept {
  try {
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    put_key(page, certificate_file, key_file);
    _exit(0);
  } catch (const std::exception& error) {
    page.size = strnlen(error.what(), page.bytes.size());
    memcpy(page.bytes.data(), error.what(), page.size);
    _exit(1);
  }
}

// Where it may be: neither written to a disk nor into a core file.
void* map_page(std::size_t size, int sharing) {
  void* const room = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw_errno("make room for a key");
  ::mlock(room, size);
  ::madvise(room, size, MADV_DONTDUMP);
  return room;
}

template <class Page>
struct Unmap {
  void operator()(Page* page) const noexcept {
    explicit_bzero(page->bytes.data(), page->bytes.size());
    ::munmap(page, sizeof(Page));
  }
};

// The reader's page is shared with it alone, and gone when this returns.
template <class Page>
void read_in_a_child(Page& into, const std::string& certificate_file, const std::string& key_file) {
  const std::unique_ptr<Page, Unmap<Page>> shared(new (map_page(sizeof(Page), MAP_SHARED)) Page);
  static_cast<void>(library());
  const pid_t reader = check(::fork(), "make a process that reads a key");
  if (reader == 0) fill(*shared, certificate_file, key_file);
  int status = 0;
  check(retry([&] { return ::waitpid(reader, &status, 0); }), "wait for a key");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    into = *shared;
    return;
  }
  const auto end = shared->bytes.begin() + static_cast<std::ptrdiff_t>(shared->size);
  const bool said = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  throw Error(ErrorCode::configuration, said ? std::string(shared->bytes.begin(), end)
                                             : "the process that read \"" + printable(key_file) + "\" failed");
}

}  // namespace

KeyVault::~KeyVault() {
  for (Page* page : pages_) Unmap<Page>()(page);
}

// The page is this process's own from the start: what one process wipes at its end the others keep.
std::size_t KeyVault::add(const std::string& certificate_file, const std::string& key_file) {
  pages_.push_back(new (map_page(sizeof(Page), MAP_PRIVATE)) Page);
  read_in_a_child(*pages_.back(), certificate_file, key_file);
  return pages_.size() - 1;
}

Key KeyVault::key(std::size_t number) const {
  const Page& page = *pages_.at(number);
  return read_key(std::span(page.bytes).first(page.size));
}

void KeyVault::keep_from_children() const {
  for (Page* page : pages_) check(::madvise(page, sizeof(Page), MADV_DONTFORK), "keep a key from children");
}

}  // namespace usher::tls
