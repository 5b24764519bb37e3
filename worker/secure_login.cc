#include "worker/secure_login.h"

#include "base/text.h"
#include "tls/pem_file.h"
#include "tls/remote_key.h"

namespace usher {
namespace {

std::string text_of(tls::Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

tls::Bytes bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};  // NOLINT: characters as bytes
}

// A name that could not be a user's, or that would be cut, is none.
std::string user_of(const X509& certificate, CertificateUser user_from) {
  std::string user =
      user_from == CertificateUser::common_name ? tls::common_name_of(certificate) : tls::email_of(certificate);
  if (user_from == CertificateUser::email) user = user.substr(0, user.find('@'));
  return user.size() > kMaxUser ? "" : user;
}

}  // namespace

HandshakeSigner::HandshakeSigner(Ask ask) {
  tls::set_signer([this, ask = std::move(ask)](unsigned key, tls::Scheme scheme,
                                               tls::Bytes text) -> std::optional<std::vector<std::uint8_t>> {
    if (text.size() > tls::kMaxSigned) return std::nullopt;
    try {
      const Signature made = ask({key, static_cast<std::uint16_t>(scheme), text_of(text)});
      const tls::Bytes bytes = bytes_of(made.bytes.str());
      return std::vector(bytes.begin(), bytes.end());
    } catch (...) {
      broke_ = std::current_exception();
      return std::nullopt;
    }
  });
}

HandshakeSigner::~HandshakeSigner() {
  tls::set_signer({});
}

Secured facts_of(const tls::Connection& connection, CertificateUser user_from) {
  Secured facts{connection.version(), connection.cipher(), {}, {}};
  const tls::Certificate peer = connection.peer();
  if (!peer) return facts;
  facts.subject = tls::subject_of(*peer);
  if (user_from != CertificateUser::none) facts.user = user_of(*peer, user_from);
  return facts;
}

Signature sign_handshake(const SignHandshake& wanted, const tls::Servers& servers, std::size_t listener) {
  const tls::Server* server = servers.of(listener);
  if (server == nullptr || !server->has_key(wanted.key))
    throw ProtocolError("a signature with a key of another listener");
  try {
    const tls::Key key = servers.vault().key(wanted.key);
    return {text_of(tls::sign(*key, static_cast<tls::Scheme>(wanted.scheme), bytes_of(wanted.text.str())))};
  } catch (const ProtocolError&) {
    throw;
  } catch (const Error& error) {
    throw ProtocolError(error.what());
  }
}

TlsFacts session_facts(const Secured& secured) {
  return {secured.version.str(), secured.cipher.str(), printable(secured.subject.str()), secured.user.str()};
}

bool is_certified(const std::string& user, const TlsConfig& config, const SessionFacts& facts) {
  return config.replace_password && facts.tls && !user.empty() && facts.tls->user == user;
}

}  // namespace usher
