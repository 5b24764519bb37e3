#include "tls/pem_file.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "base/system.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "usher/error.h"

namespace usher::tls {
namespace {

constexpr off_t kMostBytes = off_t{1} << 20;

[[noreturn]] void refuse(const std::string& path, const std::string& reason, int error_number = 0) {
  const std::string what = "\"" + printable(path) + "\" " + reason;
  if (error_number == 0) throw Error(ErrorCode::configuration, what);
  throw Error(ErrorCode::configuration, what, error_number);
}

std::int64_t seconds_of(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return timegm(&parts);
}

// A NUL in the middle would make two readers see two names.
std::string text_of(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int size = value == nullptr ? -1 : ASN1_STRING_to_UTF8(&bytes, value);
  if (size < 0) return {};
  const std::string text(reinterpret_cast<const char*>(bytes),
                         static_cast<std::size_t>(size));  // NOLINT: bytes as characters
  OPENSSL_free(bytes);
  return is_utf8(text) && text.find('\0') == text.npos ? text : "";
}

std::string last_entry(const X509& certificate, int nid) {
  const X509_NAME* subject = X509_get_subject_name(&certificate);
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, nid, at)) >= 0;) last = at;
  return last < 0 ? "" : text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
}

struct FreeNames {
  void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
};

}  // namespace

PemFile::PemFile(const std::string& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) refuse(path, "cannot be read", errno);
  if (!S_ISREG(status.st_mode)) refuse(path, "is not a regular file");
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) refuse(path, "belongs to another user than root");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) refuse(path, "can be changed by its group or by others");
  if (status.st_size > kMostBytes) refuse(path, "is longer than 1 MB");
  open_to_others_ = (status.st_mode & (S_IRGRP | S_IROTH)) != 0;
  bytes_.resize(static_cast<std::size_t>(status.st_size));
  const ssize_t got = retry([&] { return ::read(file.get(), bytes_.data(), bytes_.size()); });
  if (got != status.st_size) refuse(path, "cannot be read whole", got < 0 ? errno : 0);
}

PemFile::~PemFile() {
  explicit_bzero(bytes_.data(), bytes_.size());
}

Bio PemFile::reader() const {
  return Bio(require(BIO_new_mem_buf(bytes_.data(), static_cast<int>(bytes_.size())), "read a file"));
}

std::vector<Certificate> read_certificates(const std::string& path) {
  const PemFile file(path);
  const Bio reader = file.reader();
  std::vector<Certificate> found;
  while (true) {
    X509* one = require(X509_new_ex(library(), nullptr), "make room for a certificate");
    const bool read = PEM_read_bio_X509(reader.get(), &one, nullptr, nullptr) != nullptr;
    Certificate certificate(one);  // none when it turned out to be damaged
    if (!read) break;
    found.push_back(std::move(certificate));
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  const std::string reason = last_reason();
  if (!at_end) refuse(path, "has a damaged certificate: " + reason);
  if (found.empty()) refuse(path, "has no certificate in PEM form");
  return found;
}

std::int64_t begin_of(const X509& certificate) {
  return seconds_of(X509_get0_notBefore(&certificate));
}
std::int64_t end_of(const X509& certificate) {
  return seconds_of(X509_get0_notAfter(&certificate));
}

std::string common_name_of(const X509& certificate) {
  return last_entry(certificate, NID_commonName);
}

std::string email_of(const X509& certificate) {
  void* const extension = X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr);
  const std::unique_ptr<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(extension));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_EMAIL) return text_of(name->d.rfc822Name);
  }
  return last_entry(certificate, NID_pkcs9_emailAddress);
}

std::string subject_of(const X509& certificate) {
  const Bio text(require(BIO_new(BIO_s_mem()), "write a name"));
  X509_NAME_print_ex(text.get(), X509_get_subject_name(&certificate), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return printable(std::string_view(bytes, static_cast<std::size_t>(size)));
}

}  // namespace usher::tls
