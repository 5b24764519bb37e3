#include "tls/remote_key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace usher::tls {
namespace {

constexpr const char* kProvider = "usher";
constexpr const char* kOurs = "provider=usher";
constexpr const char* kSignature = "USHER-HANDSHAKE";  // a name that no other provider offers a signature under
constexpr const char* kNumber = "usher-number";

// None between handshakes: then its memory is as it was, too.
std::unique_ptr<const Signer>& signer() {
  static std::unique_ptr<const Signer> one;
  return one;
}

// ---- the key ----

struct RemoteKey {
  const char* kind;
  unsigned number = 0;
  Key shown{};
};

template <int kind>
void* new_key(void* /*provider*/) noexcept {
  static constexpr std::array<const char*, 3> kKinds{"RSA", "EC", "ED25519"};
  return new (std::nothrow) RemoteKey{kKinds.at(kind)};
}

void free_key(void* key) noexcept {
  delete static_cast<RemoteKey*>(key);
}

int has_key(const void* /*key*/, int /*selection*/) noexcept {
  return 1;
}

int match_keys(const void* one, const void* other, int /*selection*/) noexcept {
  return EVP_PKEY_eq(static_cast<const RemoteKey*>(one)->shown.get(),
                     static_cast<const RemoteKey*>(other)->shown.get()) == 1
             ? 1
             : 0;
}

// The public half is a key of OpenSSL's own; the number is left out where another key is only compared with this one.
int import_key(void* into, int /*selection*/, const OSSL_PARAM parameters[]) noexcept {
  auto& key = *static_cast<RemoteKey*>(into);
  const OSSL_PARAM* number = OSSL_PARAM_locate_const(parameters, kNumber);
  if (number != nullptr && OSSL_PARAM_get_uint(number, &key.number) != 1) return 0;
  const KeyContext context(EVP_PKEY_CTX_new_from_name(library(), key.kind, "provider=default"));
  EVP_PKEY* made = nullptr;
  if (!context || EVP_PKEY_fromdata_init(context.get()) != 1) return 0;
  const int done = EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY,
                                     const_cast<OSSL_PARAM*>(parameters));  // NOLINT: only read
  key.shown.reset(made);
  return done == 1 ? 1 : 0;
}

int export_key(void* key, int /*selection*/, OSSL_CALLBACK* callback, void* argument) noexcept {
  return EVP_PKEY_export(static_cast<RemoteKey*>(key)->shown.get(), EVP_PKEY_PUBLIC_KEY, callback, argument);
}

int get_key_facts(void* key, OSSL_PARAM parameters[]) noexcept {
  return EVP_PKEY_get_params(static_cast<RemoteKey*>(key)->shown.get(), parameters);
}

// Which parameters there are is OpenSSL's business: they are passed on.
const OSSL_PARAM* any_parameters(int /*selection*/) noexcept {
  static constexpr std::array kNone{OSSL_PARAM{}};
  return kNone.data();
}
const OSSL_PARAM* any_facts(void* /*provider*/) noexcept {
  return any_parameters(0);
}

const char* name_of_signature(int /*operation*/) noexcept {
  return kSignature;
}

// ---- the signature ----

struct Signing {
  const RemoteKey* key = nullptr;
  std::string digest;
  bool pss = false;
};

void* new_signing(void* /*provider*/, const char* /*properties*/) noexcept {
  return new (std::nothrow) Signing;
}
void free_signing(void* signing) noexcept {
  delete static_cast<Signing*>(signing);
}

// "SHA2-256", as some call it, is SHA256.
std::string short_name(const char* digest) {
  const std::string name = digest == nullptr ? "" : digest;
  return name.starts_with("SHA2-") ? "SHA" + name.substr(5) : name;
}

int set_signing(void* context, const OSSL_PARAM parameters[]) noexcept try {
  auto& signing = *static_cast<Signing*>(context);
  const OSSL_PARAM* padding = OSSL_PARAM_locate_const(parameters, OSSL_SIGNATURE_PARAM_PAD_MODE);
  if (padding == nullptr) return 1;
  int mode = 0;
  if (OSSL_PARAM_get_int(padding, &mode) == 1) {
    signing.pss = mode == RSA_PKCS1_PSS_PADDING;
  } else {
    signing.pss = padding->data_type == OSSL_PARAM_UTF8_STRING &&
                  std::strcmp(static_cast<const char*>(padding->data), OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
  }
  return 1;
} catch (...) {
  return 0;
}

const OSSL_PARAM* settable_of_signing(void* /*signing*/, void* /*provider*/) noexcept {
  static constexpr std::array kSettable{
      OSSL_PARAM{OSSL_SIGNATURE_PARAM_PAD_MODE, OSSL_PARAM_UTF8_STRING, nullptr, 0, 0},
      OSSL_PARAM{OSSL_SIGNATURE_PARAM_PSS_SALTLEN, OSSL_PARAM_UTF8_STRING, nullptr, 0, 0}, OSSL_PARAM{}};
  return kSettable.data();
}

int begin_signing(void* context, const char* digest, void* key, const OSSL_PARAM parameters[]) noexcept try {
  auto& signing = *static_cast<Signing*>(context);
  if (key != nullptr) signing.key = static_cast<const RemoteKey*>(key);
  signing.digest = short_name(digest);
  const bool known = scheme_of(signing.key->kind, signing.digest, false) != Scheme{};
  return known && (parameters == nullptr || set_signing(context, parameters) == 1) ? 1 : 0;
} catch (...) {
  return 0;
}

int sign_at_once(void* context, unsigned char* signature, std::size_t* size, std::size_t room,
                 const unsigned char* text, std::size_t length) noexcept try {
  const auto& signing = *static_cast<Signing*>(context);
  if (signature == nullptr) {
    *size = static_cast<std::size_t>(EVP_PKEY_get_size(signing.key->shown.get()));
    return 1;
  }
  const Scheme scheme = scheme_of(signing.key->kind, signing.digest, signing.pss);
  const auto made = signer() ? (*signer())(signing.key->number, scheme, {text, length}) : std::nullopt;
  if (!made || made->size() > room) return 0;
  std::memcpy(signature, made->data(), made->size());
  *size = made->size();
  return 1;
} catch (...) {
  return 0;
}

// ---- the provider ----

template <class Function>
OSSL_DISPATCH entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};  // NOLINT: the shape of OpenSSL's tables
}

template <int kind>
const OSSL_DISPATCH* key_functions() {
  static const std::array kFunctions{entry(OSSL_FUNC_KEYMGMT_NEW, new_key<kind>),
                                     entry(OSSL_FUNC_KEYMGMT_FREE, free_key),
                                     entry(OSSL_FUNC_KEYMGMT_HAS, has_key),
                                     entry(OSSL_FUNC_KEYMGMT_MATCH, match_keys),
                                     entry(OSSL_FUNC_KEYMGMT_IMPORT, import_key),
                                     entry(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, any_parameters),
                                     entry(OSSL_FUNC_KEYMGMT_EXPORT, export_key),
                                     entry(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, any_parameters),
                                     entry(OSSL_FUNC_KEYMGMT_GET_PARAMS, get_key_facts),
                                     entry(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, any_facts),
                                     entry(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, name_of_signature),
                                     OSSL_DISPATCH{0, nullptr}};
  return kFunctions.data();
}

const OSSL_DISPATCH* signature_functions() {
  static const std::array kFunctions{entry(OSSL_FUNC_SIGNATURE_NEWCTX, new_signing),
                                     entry(OSSL_FUNC_SIGNATURE_FREECTX, free_signing),
                                     entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, begin_signing),
                                     entry(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, sign_at_once),
                                     entry(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, set_signing),
                                     entry(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, settable_of_signing),
                                     OSSL_DISPATCH{0, nullptr}};
  return kFunctions.data();
}

const OSSL_ALGORITHM* algorithms(void* /*provider*/, int operation, int* no_store) noexcept {
  static const std::array kKeys{
      OSSL_ALGORITHM{"RSA:rsaEncryption:1.2.840.113549.1.1.1", kOurs, key_functions<0>(), nullptr},
      OSSL_ALGORITHM{"EC:id-ecPublicKey:1.2.840.10045.2.1", kOurs, key_functions<1>(), nullptr},
      OSSL_ALGORITHM{"ED25519:1.3.101.112", kOurs, key_functions<2>(), nullptr}, OSSL_ALGORITHM{}};
  static const std::array kSignatures{OSSL_ALGORITHM{kSignature, kOurs, signature_functions(), nullptr},
                                      OSSL_ALGORITHM{}};
  *no_store = 0;
  if (operation == OSSL_OP_KEYMGMT) return kKeys.data();
  return operation == OSSL_OP_SIGNATURE ? kSignatures.data() : nullptr;
}

int start_provider(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* /*core*/, const OSSL_DISPATCH** functions,
                   void** context) noexcept {
  static const std::array kFunctions{entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, algorithms), OSSL_DISPATCH{0, nullptr}};
  *functions = kFunctions.data();
  *context = const_cast<OSSL_CORE_HANDLE*>(handle);  // NOLINT: something that is not null; nothing is kept there
  return 1;
}

void load_provider() {
  static const bool loaded = [] {
    require(OSSL_PROVIDER_add_builtin(library(), kProvider, start_provider), "offer keys that are elsewhere");
    require(OSSL_PROVIDER_load(library(), kProvider), "offer keys that are elsewhere");
    return true;
  }();
  static_cast<void>(loaded);
}

}  // namespace

void set_signer(Signer made) {
  signer() = made ? std::make_unique<const Signer>(std::move(made)) : nullptr;
}

Key make_remote_key(EVP_PKEY& public_half, unsigned number) {
  load_provider();
  OSSL_PARAM* read = nullptr;
  require(EVP_PKEY_todata(&public_half, EVP_PKEY_PUBLIC_KEY, &read), "read a public key");
  const Parameters shown(read);
  std::array more{OSSL_PARAM_construct_uint(kNumber, &number), OSSL_PARAM_construct_end()};
  const Parameters all(require(OSSL_PARAM_merge(shown.get(), more.data()), "describe a key"));
  const char* kind = require(EVP_PKEY_get0_type_name(&public_half), "name a kind of key");
  const KeyContext context(require(EVP_PKEY_CTX_new_from_name(library(), kind, kOurs), "make a key"));
  require(EVP_PKEY_fromdata_init(context.get()), "make a key");
  EVP_PKEY* made = nullptr;
  require(EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, all.get()), "make a key");
  return Key(made);
}

}  // namespace usher::tls
