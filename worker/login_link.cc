#include "worker/login_link.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/orderly_close.h"
#include "base/system.h"
#include "tls/kernel.h"
#include "worker/dialog.h"
#include "worker/secure_login.h"

namespace usher {

LoginLink::LoginLink(const LoginSurroundings& surroundings, Interruptions& interruptions) : interruptions_(interruptions) {
  StartedLogin started = start_login_process(surroundings);
  pid_ = started.pid;
  channel_ = std::move(started.channel);
}

void LoginLink::wait_ready(Instant deadline) {
  if (!interruptions_.wait(fd(), deadline)) gone();
  Packet packet;
  receive(packet, LoginState::starting);
  packet.as<LoginReady>();
}

void LoginLink::give_client(const ServeClient& client, int connection) {
  last_answer_ = Clock::now();
  if (!channel_.send(client, connection)) gone();
}

ClientAddress LoginLink::wait_for_address() { return wait<ClientAddress>(LoginState::proxied); }

Secured LoginLink::wait_for_secured(const tls::Servers& servers, std::size_t listener) {
  while (true) {
    interruptions_.wait(fd(), Instant::max());
    Packet packet;
    receive(packet, LoginState::securing);
    if (packet.kind() == static_cast<std::uint8_t>(Secured::kKind)) return packet.as<Secured>();
    say(sign_handshake(packet.as<SignHandshake>(), servers, listener));
  }
}

std::string LoginLink::wait_for_user() {
  const auto start = wait<StartLogin>(LoginState::naming);
  last_answer_ = Clock::now();
  return start.user.str();
}

Secret LoginLink::ask(Echo echo, std::string_view prompt) {
  say(Ask{echo, prompt});
  auto answer = wait<Answer>(LoginState::answering);
  last_answer_ = Clock::now();
  return std::move(answer.secret);
}

Instant LoginLink::refusal_instant(Clock::duration refusal_time, Clock::duration slowest) const {
  const Clock::duration step = std::max<Clock::duration>(refusal_time, std::chrono::milliseconds(1));
  const auto passed = Clock::now() - last_answer_;
  const auto longest = std::max(passed, std::min(slowest, step * kMostMultiples - kToWakeUp - Clock::duration(1)));
  return last_answer_ + step * ((longest + kToWakeUp) / step + 1);
}

void LoginLink::tell(Tone tone, std::string_view text) { say(Tell{tone, text}); }

LoginLink::Choice LoginLink::wait_for_choice() {
  interruptions_.wait(fd(), Instant::max());
  Packet packet;
  receive(packet, LoginState::choosing);
  if (packet.kind() == static_cast<std::uint8_t>(ListPrograms::kKind)) return packet.as<ListPrograms>();
  return packet.as<RunProgram>();
}

bool LoginLink::wait_for(int other, Instant deadline) {
  if (!interruptions_.wait(fd(), deadline, other)) return false;
  pollfd look{fd(), POLLIN, 0};
  if (::poll(&look, 1, 0) > 0) {
    Packet packet;
    receive(packet, LoginState::checking);
  }
  return true;
}

UniqueFd LoginLink::leave_to_program(UniqueFd connection, const TlsConfig& tls) {
  const bool by_kernel = tls.on() && tls.handover == TlsHandover::kernel && kernel_takes(connection.get());
  if (tls.on() && !by_kernel) return make_relay();
  transport_ = by_kernel ? Transport::tls_kernel : Transport::plain;
  kill();
  return connection;
}

// The login process only says what the keys are: it can spoil no connection but its own.
bool LoginLink::kernel_takes(int connection) {
  say(GiveKeys{});
  const auto said = wait<SessionKeys>(LoginState::leaving);
  kernel_refusal_ = tls::text_of(said.obstacle);
  if (kernel_refusal_.empty()) kernel_refusal_ = tls::install(connection, said.keys);
  return kernel_refusal_.empty();
}

UniqueFd LoginLink::make_relay() {
  int ends[2];  // NOLINT: what socketpair(2) takes
  check(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), "make the program's connection");
  UniqueFd programs_end(ends[0]);
  const UniqueFd relays_end(ends[1]);
  if (!channel_.send(BeRelay{}, relays_end.get())) gone();
  transport_ = Transport::tls_relay;
  return programs_end;
}

// One that has sent its own end of the channel here leaves it open when it ends: so its end is looked for, too.
void LoginLink::wait_relayed(Instant deadline) noexcept {
  if (relay() > 0) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    std::array<pollfd, 2> ended{{{fd(), 0, 0}, {process.get(), POLLIN, 0}}};
    ::poll(ended.data(), ended.size(), milliseconds_until(deadline));
  }
  kill();
}

void LoginLink::finish(Code code, std::string_view text) {
  if (pid_ > 0 && !relays() && channel_.send(Finish{code, text})) wait_end();
}

void LoginLink::wait_end() {
  pollfd closed{fd(), 0, 0};
  ::poll(&closed, 1, milliseconds_until(Clock::now() + kLingerTime + std::chrono::seconds(1)));
  kill();
  saw_client_off_ = true;
}

// A client that reads slowly may hold its login process up until the deadline of the login.
void LoginLink::say_bytes(std::span<const std::uint8_t> bytes) {
  while (true) {
    const Channel::Sent sent = channel_.send_bytes(bytes, {});
    if (sent == Channel::Sent::done) return;
    if (sent == Channel::Sent::gone) gone();
    pollfd room{fd(), POLLOUT, 0};
    ::poll(&room, 1, 1000);
  }
}

void LoginLink::kill() noexcept {
  if (pid_ <= 0) return;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) == pid_) return reap(status);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, &status, 0);
  pid_ = 0;
}

template <class M>
M LoginLink::wait(LoginState state) {
  interruptions_.wait(fd(), Instant::max());
  Packet packet;
  receive(packet, state);
  return packet.as<M>();
}

void LoginLink::receive(Packet& packet, LoginState state) {
  const Received received = channel_.receive(packet, 0);
  if (received == Received::closed) gone();
  if (received == Received::nothing) throw ProtocolError("the login process woke its worker for nothing");
  gate_.check(packet, state);
}

// Its end follows the closing of its channel at once; one that closes the channel and lives on is not to be trusted.
void LoginLink::gone() {
  int status = 0;
  for (int tries = 0; pid_ > 0 && tries < 1000; ++tries) {
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      reap(status);
    } else {
      const timespec moment{0, 1'000'000};
      nanosleep(&moment, nullptr);
    }
  }
  kill();
  saw_client_off_ = !crashed_;
  throw ClientGone{};
}

void LoginLink::reap(int status) noexcept {
  pid_ = 0;
  crashed_ = WIFSIGNALED(status);
  met_bad_input_ = WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(LoginExit::bad_input);
}

}  // namespace usher
