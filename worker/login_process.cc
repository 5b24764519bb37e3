#include "worker/login_process.h"

#include <utility>

#include "worker/tls_dialog.h"

namespace usher {

LoginExit run_login_process(Channel worker, const tls::Servers& servers) {
  auto client = wait_for_client(worker);
  if (!client) return LoginExit::over;
  if (!client->record.tls) return Dialog(worker, *std::move(client)).run();
  const tls::Server* server = servers.of(client->record.listener);
  if (server == nullptr) throw ProtocolError("a client of a listener without TLS");
  return TlsDialog(worker, *server, *std::move(client)).run();
}

}  // namespace usher
