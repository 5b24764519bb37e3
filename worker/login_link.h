// The worker's side of its login process: makes it, hears its requests, is the conversation of PAM's modules.
//
// Trust:  what comes is checked against kLoginRequests in the state at hand; anything else is a ProtocolError, and the worker
//         ends. No descriptor is ever let in.
#pragma once

#include <sys/types.h>

#include <string>
#include <variant>

#include "auth/pam_transaction.h"
#include "base/channel.h"
#include "base/protocol.h"
#include "tls/server.h"
#include "worker/interruptions.h"
#include "worker/login_messages.h"
#include "worker/login_start.h"
#include "worker/pool_messages.h"

namespace usher {

// The login process has ended: the client left, was too slow, or broke the rules of the dialog.
struct ClientGone {};

class LoginLink : public Conversation {
 public:
  LoginLink(const LoginSurroundings& surroundings, Interruptions& interruptions);
  ~LoginLink() override { kill(); }
  LoginLink(const LoginLink&) = delete;
  LoginLink& operator=(const LoginLink&) = delete;

  int fd() const noexcept { return channel_.fd(); }
  // Waits until the sandbox is up. Errors: ClientGone when it could not be.
  void wait_ready(Instant deadline);
  void give_client(const ServeClient& client, int connection);

  // Whom a trusted proxy connects for.
  ClientAddress wait_for_address();
  // Until the handshake of TLS is done; its one signature is made here, with a key of that listener.
  Secured wait_for_secured(const tls::Servers& servers, std::size_t listener);
  std::string wait_for_user();
  Secret ask(Echo echo, std::string_view prompt) override;
  void tell(Tone tone, std::string_view text) override;
  // The client hears it then.
  void refuse(bool last, Instant at) {
    wait_until(at - kToWakeUp);
    say(Refused{last, to_nanoseconds(at)});
  }
  void accept() { say(Accepted{}); }

  using Choice = std::variant<ListPrograms, RunProgram>;
  Choice wait_for_choice();
  void show_program(std::string_view text) { say(ProgramItem{text}); }
  void end_of_programs() { say(ProgramListEnd{}); }
  void no_such_program() { say(NoSuchProgram{}); }

  // When the client last said something that PAM waited for.
  Instant last_answer() const noexcept { return last_answer_; }
  // The same whatever the reason of a refusal: so long after the client's last word, or the first multiple of it that a check
  // that takes `slowest` does not exceed. Of that not more than kMostMultiples are waited for.
  Instant refusal_instant(Clock::duration refusal_time, Clock::duration slowest) const;
  // Waits for something else; the login process may only end meanwhile (ClientGone). False when `deadline` passed.
  bool wait_for(int other, Instant deadline);
  void wait_until(Instant when) {
    while (wait_for(-1, when)) {
    }
  }

  // Gives the connection to the program: what that gets is the connection itself, when it is plain or the kernel carries its
  // TLS on, or else one end of a socket pair, between which and the client the login process stays as the relay.
  // Errors: std::system_error when the kernel has left the connection in no state to go on with.
  UniqueFd leave_to_program(UniqueFd connection, const TlsConfig& tls);
  Transport transport() const noexcept { return transport_; }
  // Why there is a relay, where the kernel was to do its work.
  const std::string& kernel_refusal() const noexcept { return kernel_refusal_; }
  // The relay, or none: not one of the processes that a program leaves behind.
  pid_t relay() const noexcept { return relays() ? pid_ : 0; }
  // Waits for a relay that still has bytes for the client, once the program's side is closed.
  void wait_relayed(Instant deadline) noexcept;

  // A last line for the client, then its orderly close; returns when the login process is gone.
  void finish(Code code, std::string_view text = {});
  // The same after a last refusal: the login process knows that it was the last.
  void wait_end();
  // Ends it at once and reaps it.
  void kill() noexcept;
  // Did it end by a signal that nobody of Usher sent?
  bool crashed() const noexcept { return crashed_; }
  // Did it end, as it says, for what the client sent?
  bool met_bad_input() const noexcept { return met_bad_input_; }
  // Has it closed the connection in order? Then nobody need do so again.
  bool saw_client_off() const noexcept { return saw_client_off_; }

 private:
  static constexpr std::chrono::milliseconds kToWakeUp{3};
  static constexpr int kMostMultiples = 5;  // a check that hung once is not to keep workers for as long

  bool relays() const noexcept { return transport_ == Transport::tls_relay; }
  template <class M>
  void say(const M& message) {
    say_bytes(Channel::Encoded(message).bytes());
  }
  void say_bytes(std::span<const std::uint8_t> bytes);
  template <class M>
  M wait(LoginState state);
  void receive(Packet& packet, LoginState state);
  bool kernel_takes(int connection);
  UniqueFd make_relay();
  [[noreturn]] void gone();
  void reap(int status) noexcept;

  Interruptions& interruptions_;
  Channel channel_;
  Gate gate_{kLoginRequests};
  pid_t pid_ = 0;
  Instant last_answer_{};
  Transport transport_ = Transport::none;
  std::string kernel_refusal_;
  bool crashed_ = false;
  bool met_bad_input_ = false;
  bool saw_client_off_ = false;
};

}  // namespace usher
