// The dialog under TLS: begins with a handshake, and may stay between client and program when the login is over (tls/relay.h).
#pragma once

#include <memory>

#include "tls/key_watch.h"
#include "tls/server.h"
#include "worker/dialog.h"

namespace usher {

class TlsDialog : public Dialog {
 public:
  TlsDialog(Channel& worker, const tls::Server& server, ServedClient client);

 private:
  void secure() override;
  void hear_of_session() override;
  Signature wait_for_signature(const SignHandshake& wanted);
  UniqueFd wait_for_program();
  void give_keys();
  [[noreturn]] void relay(UniqueFd program);

  const tls::Server& server_;
  std::unique_ptr<tls::KeyWatch> watch_;  // of what the stream has; large, and seldom there
};

}  // namespace usher
