// usher-login: a login process of its own memory, for listeners without TLS. Started by a worker only.
//
// Why:    it has none of the template's memory, which nobody who faces the network needs: no configuration, no PAM module, no
//         address that it shares with other connections. And it is small: to fork all of a worker costs more.
// Model:  EnterSandbox is the first message; then the dialog.
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <system_error>
#include <utility>

#include "auth/sandbox.h"
#include "worker/dialog.h"

namespace usher {
namespace {

constexpr const char* kName = "usher-login";

// False when the worker is gone.
bool enter_sandbox(const Channel& worker) {
  Packet packet;
  if (worker.wait_receive(packet, Instant::max(), 2) != Received::packet) return false;
  const auto order = packet.as<EnterSandbox>();
  if (packet.descriptors() != std::size_t{order.root} + std::size_t{order.network}) {
    throw ProtocolError("a sandbox without its descriptors");
  }
  Jail jail;
  jail.account = {"the login user", order.uid, order.gid, {}, {}};
  if (order.root) jail.root = packet.take_descriptor(0);
  if (order.network) jail.network = packet.take_descriptor(packet.descriptors() - 1);
  enter_sandbox(jail, SystemCallFilter(order.filter.str()));
  return true;
}

int started_by_hand() {
  std::fprintf(stderr, "%s is started by usher-worker; see usher(1)\n", kName);
  return 2;
}

LoginExit run() {
  ::prctl(PR_SET_NAME, kName);  // executed by descriptor, it would be named after that
  Channel worker{UniqueFd(STDIN_FILENO)};
  if (!enter_sandbox(worker)) return LoginExit::over;
  auto client = wait_for_client(worker);
  if (!client) return LoginExit::over;
  if (client->record.tls) throw ProtocolError("a client that speaks TLS");
  return Dialog(worker, *std::move(client)).run();
}

}  // namespace
}  // namespace usher

int main() {
  try {
    _exit(static_cast<int>(usher::run()));
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::not_a_socket) return usher::started_by_hand();
    _exit(static_cast<int>(usher::LoginExit::failed));
  } catch (...) {
    _exit(static_cast<int>(usher::LoginExit::failed));  // it has no one to tell: the worker sees the channel close
  }
}
