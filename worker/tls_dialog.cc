#include "worker/tls_dialog.h"

#include <malloc.h>

#include <cerrno>
#include <utility>

#include "base/orderly_close.h"
#include "tls/relay.h"
#include "tls/tls_stream.h"
#include "worker/secure_login.h"

namespace usher {
namespace {

// From this size on memory stands by itself, and leaves no gap when it goes: that for records is one of the first asked for.
constexpr int kBuffer = 8 * 1024;

}  // namespace

// Never a plain line where TLS is expected.
TlsDialog::TlsDialog(Channel& worker, const tls::Server& server, ServedClient client)
    : Dialog(worker, std::move(client)), server_(server) {
  stream_.reset();
  descriptors_ = 1;  // the program's side
}

// Without a handshake there is nobody to tell anything but the alert that it ended with.
void TlsDialog::secure() {
  ::mallopt(M_MMAP_THRESHOLD, kBuffer);
  ::mallopt(M_TOP_PAD, kBuffer);
  auto secured = std::make_unique<TlsStream>(server_.new_connection(), connection_.get());
  if (server_.is_for_kernel()) watch_ = std::make_unique<tls::KeyWatch>(secured->connection());
  HandshakeSigner signer([this](const SignHandshake& wanted) { return wait_for_signature(wanted); });
  while (secured->shake_hands() != 0) {
    signer.throw_what_broke_it();
    if (errno != EAGAIN) throw bad_input();
    wait(secured->awaits());
  }
  const Secured facts = facts_of(secured->connection(), client_.user_from);
  known_user_ = facts.user.str();
  stream_ = std::move(secured);
  request(facts);
}

Signature TlsDialog::wait_for_signature(const SignHandshake& wanted) {
  request(wanted);
  Packet packet;
  wait_for_worker(packet);
  return packet.as<Signature>();
}

// The worker ends this process, or makes it the relay.
void TlsDialog::hear_of_session() {
  UniqueFd program = wait_for_program();
  if (program) relay(std::move(program));
}

// The program's side, should this process be its relay; nothing when the worker has said something else, that is done.
UniqueFd TlsDialog::wait_for_program() {
  Packet packet;
  wait_for_worker(packet);
  if (packet.kind() == kind_of<BeRelay>()) {
    if (packet.descriptors() != 1) throw ProtocolError("a relay without a program");
    return packet.take_descriptor(0);
  }
  watch_ && packet.kind() == kind_of<GiveKeys>() ? give_keys() : let_module_talk(packet);
  return {};
}

void TlsDialog::give_keys() {
  SessionKeys all;
  all.obstacle = watch_->find(all.keys);
  request(all);
}

void TlsDialog::relay(UniqueFd program) {
  watch_.reset();
  stream_->no_more_secrets();
  Relay between(*stream_, connection_.get(), std::move(program), worker_);
  if (between.run()) close_in_order(std::move(connection_));
  throw Leave{};
}

}  // namespace usher
