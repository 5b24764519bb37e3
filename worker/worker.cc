#include "worker/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <security/_pam_types.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "auth/become_user.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/network.h"
#include "base/orderly_close.h"
#include "base/pipe.h"
#include "base/system.h"
#include "handover/hand_over.h"
#include "tls/kernel.h"
#include "worker/descendants.h"
#include "worker/environment.h"
#include "worker/interruptions.h"
#include "worker/login_limits.h"
#include "worker/login_link.h"
#include "worker/own_limits.h"
#include "worker/pool_link.h"
#include "worker/program_access.h"
#include "worker/secure_login.h"
#include "worker/session.h"
#include "worker/shared_wait.h"
#include "worker/starter_death.h"
#include "worker/worker_log.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTty = "usher";
constexpr auto kResultPatience = 30s;  // for a client that does not read, until its result line has gone
constexpr auto kLeftoverPatience = 2s;  // for what a program left running, until it is dead

constexpr std::size_t kStack = 32 << 10;  // that PAM takes with its modules

// How the job ends when the dialog does not lead to a program.
struct NoSession {
  EndKind kind;
  int value;
};

NoSession refused(Code code) { return {EndKind::refused, static_cast<int>(code)}; }

class Worker {
 public:
  // The login process first: what is written before a fork is copied once more after it.
  explicit Worker(WorkerParts parts)
      : parts_(std::move(parts)),
        interruptions_(parts_.starter, parts_.listener),
        login_({parts_.jail, parts_.filter, parts_.tls, parts_.login_program}, interruptions_),
        pool_config_(parts_.configuration.pools.at(parts_.pool)),
        job_(job_name(parts_.number, parts_.owner, pool_config_.name)),
        road_(std::move(parts_.listener)),
        pool_(std::move(parts_.pool_channel), parts_.configuration.server.runtime_directory + "/pool.sock", parts_.number,
              parts_.id) {}

  WorkerExit run() {
    prepare();
    if (!wait_for_client()) {
      login_.kill();
      return leave(EndKind::retired, 0);
    }
    const NoSession end = attend();
    return leave(end.kind, end.value);
  }

 private:
  // ---- before the client ----

  void prepare() {
    if (parts_.configuration.road_of(pool_config_.name) == Dispatch::shared) shared_.emplace();
    check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans");
    end_with_starter();
    login_.wait_ready(Clock::now() + 10s);
    if (!parts_.starter.send(WorkerReady{})) throw Interrupted{Interrupted::By::starter_gone};
    pool_.joined();
  }

  // False when this worker is to go without ever having had a client.
  bool wait_for_client() {
    if (!shared_) return wait_alone();
    Packet packet;
    while (shared_->wait_for_client(road_, packet)) {
      shared_gate_.check(packet, WorkerState::waiting);
      parts_.listener = Channel(packet.take_descriptor(1));
      check_is_channel(parts_.listener.fd());
      if (!is_for_this_generation(packet)) return false;
      if (!take(packet)) continue;
      shared_.reset();
      road_.close();
      return true;
    }
    return false;
  }

  bool wait_alone() {
    while (true) {
      std::array<pollfd, 4> fds{{{road_.fd(), POLLIN, 0},
                                 {parts_.starter.fd(), POLLIN, 0},
                                 {pool_.fd(), POLLIN, 0},
                                 {login_.fd(), POLLIN, 0}}};
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) throw_errno("wait for a client");
      // A client that is already here comes first, whatever else has happened.
      if (fds[0].revents != 0) return receive_client();
      if (fds[3].revents != 0) login_.wait_until(Clock::now());
      if (fds[1].revents != 0 || fds[2].revents != 0) return false;
    }
  }

  bool receive_client() {
    Packet packet;
    const Received received = road_.receive(packet, 1);
    if (received != Received::packet) return false;
    interruptions_.gate().check(packet, WorkerState::waiting);
    parts_.listener = std::move(road_);
    return is_for_this_generation(packet) && take(packet);
  }

  // A listener that is a generation ahead, or behind: the client goes to a worker that reads the same configuration.
  bool is_for_this_generation(const Packet& packet) {
    hand_over_ = packet.as<HandOver>();
    return hand_over_.generation == parts_.generation;
  }

  // False when the listener has taken the client back, which it does when nobody said Taken in time. A dead one never does.
  bool take(Packet& packet) {
    listener_ = &parts_.configuration.listeners.at(hand_over_.listener);
    connection_ = packet.take_descriptor(0);
    check_is_client(connection_.get());
    const bool ours = parts_.listener.send(Taken{}) || !is_withdrawn(parts_.listener);
    if (!ours) connection_.reset();
    return ours;
  }

  // ---- from the client on ----

  NoSession attend() try {
    take_client();
    log_in();
    return run_chosen_program();
  } catch (const NoSession& end) {
    return end;
  } catch (const ClientGone&) {
    return client_gone();
  } catch (const Interrupted& interrupted) {
    return interrupted_by(interrupted.by);
  } catch (const ProtocolError& error) {
    refuse_log(account_.name, error.what());
    return {EndKind::lost, 0};
  } catch (const std::exception& error) {
    refuse_log(account_.name, error.what());
    login_.finish(Code::account_unavailable);
    return refused(Code::account_unavailable);
  }

  void take_client() {
    try {
      facts_ = {job_, listener_->name, peer_of(connection_.get()), local_end_of(connection_.get()),
                parts_.configuration.server.runtime_directory};
    } catch (const std::system_error&) {
      throw NoSession{EndKind::lost, 0};  // it has gone already
    }
    deadline_ = from_nanoseconds(hand_over_.accepted_at) + listener_->login_timeout;
    const TlsConfig& tls = listener_->tls;
    const bool plaintext_refused = !tls.on() && !listener_->allow_plaintext && !facts_.client.loopback();
    const bool by_proxy = is_in_one_of(listener_->proxy_networks, facts_.client);
    login_.give_client({hand_over_.greeted, listener_->telnet, !listener_->program.empty(), plaintext_refused, by_proxy, tls.on(),
                         hand_over_.listener, tls.user_from, to_nanoseconds(deadline_)},
                        connection_.get());
    if (!hand_over_.greeted) ::sched_yield();  // the prompt first: who is told here would take the processor
    parts_.starter.send(ClientTaken{hand_over_.listener});  // counts in seconds: the client comes first
    pool_.took_client(listener_->name, facts_.client.text());
    if (!tls.on()) parts_.footprint.take_data();  // while the client types; a session under TLS is to stay small
    Footprint::take_stack(kStack);
    if (plaintext_refused) {
      refuse_log("", "plaintext from beyond loopback");
      login_.wait_end();
      throw refused(Code::address_refused);
    }
    if (by_proxy) {
      hear_of_client();
      login_.accept();
    }
    if (tls.on()) facts_.tls = session_facts(login_.wait_for_secured(parts_.tls, hand_over_.listener));
  }

  // A proxy that the configuration names is believed whom it connects for.
  void hear_of_client() {
    const ClientAddress said = login_.wait_for_address();
    if (said.host.empty()) return;
    const auto client = endpoint_of(said.host.str(), said.port);
    if (!client) throw ProtocolError("a proxy's client without an address");
    facts_.client = *client;
    pool_.took_client(listener_->name, client->text());
    respect(limits_.refusal_of_client(client->host), "");
  }

  // Leaves with 911 when the listener's limits say so.
  void respect(LimitReason reason, const std::string& user) {
    if (reason == LimitReason::none) return;
    refuse_log(user, "limit: " + std::string(name_of(reason)));
    login_.finish(Code::address_refused, kLimitText);
    throw refused(Code::address_refused);
  }

  void log_in() {
    for (std::uint32_t tries = 1;; ++tries) {
      const std::string user = login_.wait_for_user();
      respect(limits_.refusal_of_attempt(user), user);
      if (try_login(user)) break;
      limits_.failed(checked_);
      const bool last = tries >= listener_->login_tries || is_certified(user, listener_->tls, facts_);
      login_.refuse(last, login_.refusal_instant(listener_->refusal_time, limits_.slowest_check()));
      if (last) {
        login_.wait_end();
        throw refused(Code::login_incorrect);
      }
      lacked_modules_ = lacked_modules_ || pam_->lacks_modules();
      pam_ = std::make_unique<PamTransaction>(pool_config_.pam_service, pool_config_.pam_directory);
    }
    limits_.succeeded(checked_);
    login_.accept();
    worker_log::login_accepted(facts_, account_.name);
  }

  // False: refused, and why is in the log. Leaves with 901 when the account is known to the client and may not be used.
  bool try_login(const std::string& user) {
    checked_ = 0ms;
    if (user.empty()) return refuse_log(user, "empty user id");
    pam_->set_client(user, facts_.client.family == Endpoint::Family::local ? "" : facts_.client.host, kTty);
    const int result = is_certified(user, listener_->tls, facts_) ? PAM_SUCCESS : authenticate();
    if (result != PAM_SUCCESS) return refuse_log(user, pam_->text(result));
    const auto account = find_account(pam_->user());
    if (!account) return refuse_log(user, "PAM accepts it, but it is no account");
    if (account->uid < parts_.configuration.server.minimum_uid) return refuse_log(user, "uid below minimum_uid");
    if (::geteuid() != 0 && account->uid != ::geteuid()) return refuse_log(user, "without root this user cannot be become");
    account_ = *account;
    check_account(user);
    return true;
  }

  int authenticate() {
    const int result = pam_->authenticate(login_);
    checked_ = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - login_.last_answer());
    return result;
  }

  void check_account(const std::string& user) {
    int result = pam_->check_account(login_);
    if (result == PAM_NEW_AUTHTOK_REQD) result = pam_->change_password(login_);
    if (result != PAM_SUCCESS) refuse_account(user, pam_->text(result));
    if (pam_->user() == account_.name) return;
    const auto account = find_account(pam_->user());
    if (!account || account->uid != account_.uid) refuse_account(user, "the account changed during the login");
  }

  bool refuse_log(std::string_view user, std::string_view reason) const {
    worker_log::login_refused(facts_, user, reason);
    return false;
  }

  [[noreturn]] void refuse_account(std::string_view user, std::string_view reason) {
    refuse_log(user, reason);
    login_.finish(Code::account_unavailable);
    throw refused(Code::account_unavailable);
  }

  // ---- the program ----

  NoSession run_chosen_program() {
    choose_program();
    const Pipe log = make_pipe();
    pool_.keep_log(UniqueFd(check(::fcntl(log.read.get(), F_DUPFD_CLOEXEC, 3), "keep the job log")));
    claim_place();
    const OwnLimits own_limits;
    open_session();
    const Launched launched = start_program(log.write.get());
    own_limits.restore();
    return attend_program(launched, log.write.get());
  }

  void choose_program() {
    if (!listener_->program.empty()) {
      words_ = {listener_->program};
      program_ = find_program(parts_.configuration, account_, words_);
      if (program_ == nullptr) refuse_account(account_.name, "the listener's program is not for this user");
      login_.wait_for_choice();  // its word that it reads nothing more
      return;
    }
    while (program_ == nullptr) {
      const LoginLink::Choice choice = login_.wait_for_choice();
      if (std::holds_alternative<ListPrograms>(choice)) {
        list_programs();
        continue;
      }
      words_ = split_words(std::get<RunProgram>(choice).line.str());
      program_ = find_program(parts_.configuration, account_, words_);
      if (program_ == nullptr) login_.no_such_program();
    }
    login_.accept();
  }

  void list_programs() {
    for (const ProgramConfig& program : parts_.configuration.programs) {
      if (may_run(program, account_)) login_.show_program(program.name + " " + program.description);
    }
    login_.end_of_programs();
  }

  void claim_place() {
    pool_.claim(program_->name, account_.name,
                is_reserved_for(parts_.configuration.reserved, account_, facts_.client));
    while (true) {
      if (pool_.fd() < 0) pool_.reconnect();
      login_.wait_for(pool_.fd(), Clock::now() + 1s);
      switch (pool_.fd() < 0 ? PoolLink::News::nothing : pool_.hear()) {
        case PoolLink::News::granted: return;
        case PoolLink::News::denied:
          refuse_log(account_.name, "no place: a session limit is reached");
          login_.finish(Code::busy);
          throw refused(Code::busy);
        case PoolLink::News::lost: pool_.reconnect(); break;
        case PoolLink::News::retire:
        case PoolLink::News::nothing: break;
      }
    }
  }

  void open_session() {
    take_groups(account_, groups_of(account_));
    end_with_starter();  // a change of ids took it away
    if (const int result = pam_->establish_credentials(login_); result != PAM_SUCCESS) {
      refuse_account(account_.name, "credentials: " + pam_->text(result));
    }
    if (const int result = pam_->open_session(login_); result != PAM_SUCCESS) {
      refuse_account(account_.name, "session: " + pam_->text(result));
    }
  }

  // The login process goes first, or becomes the relay: from here on what is connection_ is the program's alone.
  Launched start_program(int log) {
    const std::string first_line = listener_->program.empty() ? reply_line(Code::started, job_) : "";
    words_.erase(words_.begin());
    try {
      when_starter_dies(0);  // it sees the starter's end by its channel, and takes the program along
      const auto environment = program_environment(pam_->environment(), *program_, account_, facts_);
      connection_ = login_.leave_to_program(std::move(connection_), listener_->tls);
      const int standard_error = program_->stderr_to == StderrTo::client ? connection_.get() : log;
      return launch({account_, *program_, words_, environment, connection_.get(), standard_error, first_line});
    } catch (const LaunchFailure& failure) {
      launch_failed(failure);
    }
  }

  [[noreturn]] void launch_failed(const LaunchFailure& failure) {
    worker_log::program_failed_to_start(facts_, account_.name, program_->name, failure);
    const bool started_was_said = failure.step == LaunchStep::exec && listener_->program.empty();
    const Code code = started_was_said ? Code::program_failed : Code::account_unavailable;
    const std::string line = started_was_said ? "\r\n" + reply_line(code, "status 127") : reply_line(code);
    say_last_line(line);
    throw NoSession{started_was_said ? EndKind::status : EndKind::refused, started_was_said ? 127 : static_cast<int>(code)};
  }

  NoSession attend_program(const Launched& launched, int log_fd) {
    parts_.starter.send(SessionStarted{});
    parts_.listener.send(LoginOver{});
    pool_.active(launched.pid, login_.transport());
    worker_log::program_started(facts_, account_.name, program_->name, launched.pid, login_.transport());
    if (!login_.kernel_refusal().empty()) worker_log::kernel_refused(facts_, login_.kernel_refusal());
    if (launched.home_missing) worker_log::working_directory_missing(facts_, account_, log_fd);

    const Instant started = Clock::now();
    const ProgramEnd end =
        wait_for_program(launched, {connection_.get(), parts_.starter, pool_, program_->timeout});
    end_descendants_but(login_.relay(), Clock::now() + kLeftoverPatience);
    worker_log::program_ended(facts_, account_.name, program_->name, end, Clock::now() - started);
    if (end.why != ProgramEnd::Why::connection_lost) say_result(end.wait_status);
    if (WIFSIGNALED(end.wait_status)) return {EndKind::signal, WTERMSIG(end.wait_status)};
    const int status = WEXITSTATUS(end.wait_status);
    return {status == 0 ? EndKind::normal : EndKind::status, status};
  }

  void say_result(int wait_status) {
    say_last_line(listener_->program.empty() ? "\r\n" + result_line(wait_status) : "");
  }

  // The connection is closed in order at the very end, when the PAM session is closed too.
  void say_last_line(std::string_view line) {
    const Instant deadline = Clock::now() + kResultPatience;
    const bool by_kernel = login_.transport() == Transport::tls_kernel;
    const bool sent = by_kernel ? tls::send_last_line(connection_.get(), line, deadline)
                                : send_all(connection_.get(), line, deadline);
    if (sent) ::shutdown(connection_.get(), SHUT_WR);
  }

  // ---- the end ----

  NoSession client_gone() {
    if (login_.crashed()) log::error("login_process_crashed", {{"job", job_}, {"client", facts_.client.text()}});
    if (login_.met_bad_input()) {
      refuse_log(account_.name, "bad input");
      return refused(Code::bad_input);
    }
    const bool too_slow = Clock::now() >= deadline_;
    refuse_log(account_.name, too_slow ? "too slow" : "the client left");
    return too_slow ? refused(Code::too_slow) : NoSession{EndKind::lost, 0};
  }

  NoSession interrupted_by(Interrupted::By by) {
    if (by == Interrupted::By::listener) {
      refuse_log(account_.name, "evicted: too many are logging in");
      login_.finish(Code::too_slow, "Too many are logging in: try again later.");
      return {EndKind::evicted, 0};
    }
    login_.finish(Code::too_slow, "The service ends this login.");
    return {EndKind::evicted, 0};
  }

  WorkerExit leave(EndKind kind, int value) {
    if (login_.relay() == 0) login_.kill();
    const bool starter_lives = parts_.starter.send(SessionEnding{});
    pool_.ended(kind, value);
    // A session counts with the listener until its worker is gone.
    if (kind == EndKind::refused || kind == EndKind::evicted || kind == EndKind::lost) parts_.listener.close();
    hurry_when_starter_dies(starter_lives);
    pam_->close();
    if (login_.saw_client_off()) connection_.reset();
    close_in_order(std::move(connection_));
    login_.wait_relayed(Clock::now() + kResultPatience);
    const bool clean = end_all_descendants(Clock::now() + kLeftoverPatience);
    if (login_.crashed()) return WorkerExit::login_crashed;
    if (clean && (lacked_modules_ || pam_->lacks_modules())) return WorkerExit::modules_missing;
    return clean ? WorkerExit::clean : WorkerExit::unclean;
  }

  WorkerParts parts_;
  Interruptions interruptions_;
  LoginLink login_;
  const PoolConfig& pool_config_;
  std::string job_;
  Channel road_;  // by which the client comes
  LoginLimits limits_{parts_.listener, interruptions_};
  PoolLink pool_;
  std::unique_ptr<PamTransaction>& pam_ = parts_.pam;
  bool lacked_modules_ = false;
  std::chrono::milliseconds checked_{0};  // what PAM took for the last password

  std::optional<SharedWait> shared_;  // while it waits on the pool's one channel
  Gate shared_gate_{kSharedRequests};
  HandOver hand_over_;
  const ListenerConfig* listener_ = nullptr;
  UniqueFd connection_;
  SessionFacts facts_;
  Instant deadline_{};
  Account account_;
  std::vector<std::string> words_;
  const ProgramConfig* program_ = nullptr;
};

}  // namespace

WorkerExit run_worker(WorkerParts parts) noexcept try {
  ::setsid();
  return Worker(std::move(parts)).run();
} catch (const Interrupted&) {
  return WorkerExit::clean;
} catch (const ClientGone&) {
  log::error("login_process_failed", {{"reason", "it ended before its sandbox was up"}});
  return WorkerExit::login_crashed;
} catch (const std::exception& error) {
  log::error("worker_failed", {{"reason", error.what()}});
  return WorkerExit::unclean;
} catch (...) {
  return WorkerExit::unclean;
}

}  // namespace usher
