// TLS between a worker and its login process: the one shakes hands, the other signs, once.
#pragma once

#include <exception>
#include <functional>
#include <string>

#include "tls/connection.h"
#include "tls/server.h"
#include "worker/environment.h"
#include "worker/login_messages.h"

namespace usher {

// ---- in the login process ----

// While it is there OpenSSL's signatures are asked of the worker. What goes wrong then cannot pass through OpenSSL's
// code.
class HandshakeSigner {
 public:
  using Ask = std::function<Signature(const SignHandshake&)>;
  explicit HandshakeSigner(Ask ask);
  ~HandshakeSigner();
  HandshakeSigner(const HandshakeSigner&) = delete;
  HandshakeSigner& operator=(const HandshakeSigner&) = delete;

  void throw_what_broke_it() const {
    if (broke_) std::rethrow_exception(broke_);
  }

 private:
  std::exception_ptr broke_;
};

// What the worker is told of a handshake that is done.
Secured facts_of(const tls::Connection& connection, CertificateUser user_from);

// ---- in the worker ----

// Signs what a listener's key may sign. Errors: ProtocolError for anything else.
Signature sign_handshake(const SignHandshake& wanted, const tls::Servers& servers, std::size_t listener);

TlsFacts session_facts(const Secured& secured);

// Is this the user whom the client's certificate names, and is that enough? docs/TRUST.md says what it is worth.
bool is_certified(const std::string& user, const TlsConfig& config, const SessionFacts& facts);

}  // namespace usher
