#include "tls/key_form.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace usher::tls {
namespace {

constexpr std::array kKinds{"RSA", "EC", "ED25519"};
constexpr std::size_t kMostParts = 16;

// Of a curve that has a name all else follows from that.
bool is_needed(std::string_view kind, std::string_view part) {
  return kind != "EC" || part == OSSL_PKEY_PARAM_GROUP_NAME || part == OSSL_PKEY_PARAM_PUB_KEY ||
         part == OSSL_PKEY_PARAM_PRIV_KEY;
}

class Writer {
 public:
  explicit Writer(std::span<unsigned char> room) : room_(room) {}

  void put(const void* bytes, std::size_t size) {
    fits_ = fits_ && size <= room_.size() - used_;
    if (!fits_) return;
    if (size > 0) std::memcpy(&room_[used_], bytes, size);
    used_ += size;
  }
  template <class T>
  void number(T value) {
    put(&value, sizeof value);
  }
  void part(const OSSL_PARAM& one) {
    fits_ = fits_ && ++parts_ <= kMostParts;
    put(one.key, std::strlen(one.key) + 1);
    number(static_cast<std::uint8_t>(one.data_type));
    number(static_cast<std::uint16_t>(one.data_size));
    put(one.data, one.data_size);
    number('\0');
  }
  std::size_t used() const noexcept { return fits_ ? used_ : 0; }

 private:
  std::span<unsigned char> room_;
  std::size_t used_ = 0;
  std::size_t parts_ = 0;
  bool fits_ = true;
};

// What was written above: nothing in it is anybody else's.
OSSL_PARAM next_part(std::span<const unsigned char>& bytes) {
  const auto* name = reinterpret_cast<const char*>(bytes.data());  // NOLINT: bytes as characters
  bytes = bytes.subspan(std::strlen(name) + 1);
  std::uint16_t size = 0;
  std::memcpy(&size, &bytes[1], sizeof size);
  const unsigned type = bytes[0];
  bytes = bytes.subspan(1 + sizeof size);
  auto* data = const_cast<unsigned char*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast): only read
  bytes = bytes.subspan(size + std::size_t{1});
  return {name, type, data, size, OSSL_PARAM_UNMODIFIED};
}

}  // namespace

std::size_t write_key(const EVP_PKEY& key, std::span<unsigned char> room) {
  const auto* kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const char* name) { return EVP_PKEY_is_a(&key, name) == 1; });
  if (kind == kKinds.end()) return 0;
  OSSL_PARAM* read = nullptr;
  require(EVP_PKEY_todata(&key, EVP_PKEY_KEYPAIR, &read), "take a key apart");
  const Parameters parts(read);
  Writer writer(room);
  writer.number(static_cast<std::uint8_t>(kind - kKinds.begin()));
  for (const OSSL_PARAM* part = read; part->key != nullptr; ++part) {
    if (is_needed(*kind, part->key)) writer.part(*part);
  }
  return writer.used();
}

Key read_key(std::span<const unsigned char> bytes) {
  const char* kind = kKinds.at(bytes[0]);
  bytes = bytes.subspan(1);
  std::array<OSSL_PARAM, kMostParts + 1> parts{};
  for (std::size_t i = 0; i < kMostParts && !bytes.empty(); ++i) parts.at(i) = next_part(bytes);
  const KeyContext context(require(EVP_PKEY_CTX_new_from_name(library(), kind, "provider=default"), "read a key"));
  require(EVP_PKEY_fromdata_init(context.get()), "read a key");
  EVP_PKEY* made = nullptr;
  require(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, parts.data()), "read a key");
  return Key(made);
}

}  // namespace usher::tls
