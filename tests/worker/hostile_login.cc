#include "tests/worker/hostile_login.h"

#include <memory>

#include "tests/support/accounts.h"
#include "tests/support/wait_until.h"
#include "tests/worker/worker_harness.h"
#include "worker/login_process.h"
#include "worker/worker.h"

namespace usher {

LoginExit run_login_process(Channel worker, const tls::Servers& /*servers*/) {
  testing::attacker(worker);
  return LoginExit::over;
}

}  // namespace usher

namespace usher::testing {

UniqueFd login_program() { return {}; }

std::function<void(Channel&)> attacker;

Bytes answer(std::string_view text) {
  Answer message;
  message.secret.append(
      {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});  // NOLINT: characters as bytes
  return bytes_of(message);
}

void say(const Channel& worker, const Bytes& bytes) {
  worker.send_bytes(bytes, {});
}

void wait_for(const Channel& worker, WorkerSays kind) {
  Packet packet;
  while (worker.wait_receive(packet, Clock::now() + kPatience) == Received::packet) {
    if (packet.kind() == static_cast<std::uint8_t>(kind)) return;
  }
}

void hear_the_end(const Channel& worker) {
  Packet packet;
  while (worker.wait_receive(packet, Clock::now() + kPatience) == Received::packet) {
  }
}

void lead_into(const Channel& worker, LoginState state) {
  if (state == LoginState::starting) return;
  say(worker, bytes_of(LoginReady{}));
  if (state == LoginState::idle) return;
  wait_for(worker, WorkerSays::serve_client);
  if (state == LoginState::naming || state == LoginState::proxied || state == LoginState::securing) return;
  say(worker, bytes_of(StartLogin{usual_account()}));
  wait_for(worker, WorkerSays::ask);
  if (state == LoginState::answering) return;
  // A wrong password: until the refusal leaves, nothing may come.
  say(worker, answer(state == LoginState::checking ? "wrong" : usual_account() + "-secret"));
  if (state == LoginState::choosing) wait_for(worker, WorkerSays::accepted);
}

std::string text_to_sign() {
  return std::string(64, ' ') + "TLS 1.3, server CertificateVerify" + '\0' + std::string(32, 'h');
}

std::vector<Attack> attacks() {
  return {{"ready", bytes_of(LoginReady{}), LoginState::starting},
          {"client_address", bytes_of(ClientAddress{"192.0.2.7", 7}), LoginState::proxied},
          {"sign_handshake", bytes_of(SignHandshake{0, 0x0403, text_to_sign()}), LoginState::securing},
          {"secured", bytes_of(Secured{"TLSv1.3", "X", "", "root"}), LoginState::securing},
          {"start_login", bytes_of(StartLogin{"root"}), LoginState::naming},
          {"answer", answer("x"), LoginState::answering},
          {"list_programs", bytes_of(ListPrograms{}), LoginState::choosing},
          {"run_program", bytes_of(RunProgram{"who"}), LoginState::choosing},
          {"session_keys", bytes_of(SessionKeys{}), LoginState::leaving}};
}

const Certificates& certificates() {
  static const std::unique_ptr<const Certificates> made = [] {
    auto one = std::make_unique<Certificates>();
    one->server("front", "ec", "front.example");
    return one;
  }();
  return *made;
}

bool ends_orderly(int status) {
  return status >= 0 && status <= static_cast<int>(WorkerExit::login_crashed);
}

}  // namespace usher::testing
