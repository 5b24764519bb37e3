#include "worker/public_listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "base/log.h"
#include "base/outgoing_socket.h"
#include "base/pipe.h"
#include "base/service_messages.h"
#include "base/system.h"
#include "worker/descendants.h"
#include "worker/public_programs.h"
#include "worker/public_start.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptsARound = 16;  // then it is looked who has ended
constexpr auto kPause = 100ms;      // when there is no descriptor, memory or process for another client
constexpr auto kNumbersPatience = 1s;
constexpr auto kComplaintEvery = 60s;

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

// The soft limit this process was started with; its own is the hard one from now on.
rlim_t raise_own_descriptor_limit() {
  rlimit limit{};
  check(::getrlimit(RLIMIT_NOFILE, &limit), "look at the limit of descriptors");
  const rlim_t former = std::exchange(limit.rlim_cur, limit.rlim_max);
  check(::setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of descriptors");
  return former;
}

class PublicListener {
 public:
  explicit PublicListener(UniqueFd starter)
      : starter_(loop_, Channel(std::move(starter)), [this](Packet& packet) { hear_starter(packet); },
                 [this](const std::string&) { loop_.stop(); }) {}

  int run() {
    try {
      loop_.run();
      return 0;
    } catch (const std::exception& error) {
      log::error("public_failed", {{"listener", plan_.listener}, {"reason", error.what()}});
      starter_.send(ServiceFailed{error.what()});
      return 1;
    }
  }

 private:
  struct Client {
    UniqueFd connection;
    Endpoint endpoint;
  };

  // A socket that the configuration has no more (base/outgoing_socket.h).
  struct Outgoing {
    UniqueFd socket;
    EventLoop::Watch watch;
    EventLoop::Timer end;
  };

  // ---- the starter ----

  void hear_starter(Packet& packet) {
    switch (static_cast<StarterSays>(packet.kind())) {
      case StarterSays::configure: return configure(packet);
      case StarterSays::listening_socket: return take_socket(packet.take_descriptor(0));
      case StarterSays::peer_channel: return meet_pool(packet);
      case StarterSays::end_public_job: return end(packet.as<EndPublicJob>());
      case StarterSays::stop: return stop(packet.as<Stop>());
      case StarterSays::worker_forked:
      case StarterSays::worker_failed:
      case StarterSays::worker_ended:
      case StarterSays::leave:
      case StarterSays::reset_figures:
      case StarterSays::parked_client:
      case StarterSays::public_channel: break;
    }
    throw ProtocolError("the starter said something that is not for a public listener");
  }

  // What runs keeps what it was started with.
  void configure(Packet& packet) {
    generation_ = packet.as<Configure>().generation;
    plan_ = unseal_plan(packet.take_descriptor(0).get());
  }

  void take_socket(UniqueFd socket) {
    if (stopping_) return;
    watch_.end();
    if (socket_ && !is_same_socket(socket_.get(), socket.get())) give_up(std::move(socket_));
    socket_ = std::move(socket);
    local_ = local_end_of(socket_.get());
    starts_.push_back(std::make_unique<PublicStart>(plan_, local_, log_.write.get(), open_files_));
    if (records_.has_numbers()) return open();
    opening_ = loop_.after(kNumbersPatience, [this] { open(); });
  }

  // There are numbers for its jobs, or there is no pool and they do without.
  void open() {
    opening_.end();
    starter_.send(ServiceReady{generation_});
    serve_held();
    accept_again();
  }

  void meet_pool(Packet& packet) {
    records_.meet(Channel(packet.take_descriptor(0)),
                  UniqueFd(check(::fcntl(log_.read.get(), F_DUPFD_CLOEXEC, 0), "pass on the programs' log")));
  }

  void end(const EndPublicJob& job) {
    if (job.number == 0) held_.clear();
    programs_.end(job.number, std::chrono::milliseconds(job.delay_ms));
  }

  void stop(const Stop& how) {
    stopping_ = true;
    watch_.end();
    opening_.end();
    if (how.gives_up && socket_) give_up(std::move(socket_));
    if (!how.drain) held_.clear();
    socket_.reset();
    tell_programs();
    finish_if_idle();
  }

  void tell_programs() { starter_.send(RunningPrograms{static_cast<std::uint32_t>(programs_.size())}); }

  void finish_if_idle() {
    if (!stopping_ || programs_.size() > 0 || !held_.empty() || !outgoing_.empty()) return;
    end_all_descendants(Clock::now() + 1s);
    loop_.stop();
  }

  // ---- clients ----

  bool full() const { return plan_.max_sessions != 0 && programs_.size() >= plan_.max_sessions; }

  void accept_again() {
    if (watch_ || resume_.pending() || opening_.pending() || !socket_ || !held_.empty() || full()) return;
    watch_ = loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
  }

  // Who comes when all places are taken waits in the backlog.
  void accept() {
    for (int i = 0; i < kAcceptsARound && watch_; ++i) {
      if (full()) return watch_.end();
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      UniqueFd connection(::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));  // NOLINT
      if (connection) {
        serve({std::move(connection), endpoint_from(peer, length)});
      } else if (errno == EAGAIN) {
        return;
      } else if (is_shortage(errno)) {
        return pause("accept", errno);
      }
    }
  }

  void give_up(UniqueFd socket) {
    const auto last = outgoing_.insert(outgoing_.end(), Outgoing{std::move(socket), {}, {}});
    last->watch = loop_.watch(last->socket.get(), EPOLLIN, [this, last](std::uint32_t) {
      hold_all(last->socket.get());
      serve_held();
    });
    last->end = loop_.after(kOutgoingSocketTime, [this, last] {
      outgoing_.erase(last);
      finish_if_idle();
    });
  }

  void hold_all(int socket) {
    while (true) {
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      UniqueFd connection(::accept4(socket, reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));  // NOLINT
      if (!connection) return;
      held_.push_back({std::move(connection), endpoint_from(peer, length)});
    }
  }

  void serve_held() {
    while (!held_.empty() && !full() && !resume_.pending()) {
      Client next = std::move(held_.front());
      held_.pop_front();
      serve(std::move(next));
    }
  }

  void serve(Client client) {
    const std::uint32_t number = records_.next_number([this](std::uint32_t taken) { return programs_.has_number(taken); });
    const Endpoint local = local_of(client);
    const pid_t pid = starts_.back()->run(client.connection.get(), number, client.endpoint, local);
    if (pid < 0) {
      const int error = errno;
      held_.push_front(std::move(client));
      return pause("start a process", error);
    }
    PublicProgram program{pid, std::move(client.connection), std::move(client.endpoint), number, wall_clock_ms(),
                          Clock::now()};
    if (plan_.program.timeout.count() > 0) program.deadline = program.started + plan_.program.timeout;
    programs_.add(std::move(program));
  }

  // A listener on one address knows it; one on all of the machine's has to ask.
  Endpoint local_of(const Client& client) const {
    if (local_.host != "0.0.0.0" && local_.host != "::") return local_;
    try {
      return local_end_of(client.connection.get());
    } catch (const std::system_error&) {
      return local_;
    }
  }

  // The one client that was accepted already is served first when it goes on; the others stay in the backlog.
  void pause(const char* what, int error) {
    watch_.end();
    complain(next_pause_complaint_, "accept_paused", what, std::generic_category().message(error));
    resume_ = loop_.after(kPause, [this] {
      serve_held();
      accept_again();
    });
  }


  void complain(Instant& next, const char* event, const char* step, const std::string& reason) const {
    if (Clock::now() < next) return;
    next = Clock::now() + kComplaintEvery;
    log::error(event, {{"listener", plan_.listener}, {"program", plan_.program.name}, {"step", step}, {"reason", reason}});
  }

  void program_ended(pid_t pid) {
    for (const auto& start : starts_) {
      start->ended(pid);
      if (const auto failure = start->failure()) complain_of_program(*failure);
    }
    while (starts_.size() > 1 && !starts_.front()->busy()) starts_.erase(starts_.begin());
  }

  void complain_of_program(const LaunchFailure& failure) {
    complain(next_program_complaint_, "program_failed_to_start", name_of(failure.step),
             std::generic_category().message(failure.error_number));
  }

  // There may be room again.
  void programs_ended() {
    serve_held();
    accept_again();
    if (stopping_) tell_programs();
    finish_if_idle();
  }

  EventLoop loop_;
  Link starter_;
  const rlim_t open_files_ = raise_own_descriptor_limit();
  Pipe log_ = make_pipe();
  PublicPlan plan_;
  std::uint32_t generation_ = 0;
  Endpoint local_;
  UniqueFd socket_;
  EventLoop::Watch watch_;
  std::vector<std::unique_ptr<PublicStart>> starts_;  // the last is in use; a child may still be in one before it
  PublicRecords records_{loop_,
                         {[this] { programs_.tell_again(); },
                          [this] {
                            if (opening_.pending()) open();
                          }}};
  PublicPrograms programs_{loop_, records_, {[this](pid_t pid) { program_ended(pid); }, [this] { programs_ended(); }}};
  std::list<Outgoing> outgoing_;
  std::deque<Client> held_;  // accepted, and not served yet; the oldest first
  EventLoop::Timer opening_;
  EventLoop::Timer resume_;
  Instant next_pause_complaint_{};
  Instant next_program_complaint_{};
  bool stopping_ = false;

 public:
  // A program never waits for its log: what nobody has read yet is the most that is kept.
  void keep_log_from_blocking() const { check(::fcntl(log_.write.get(), F_SETFL, O_NONBLOCK), "set the programs' log"); }
};

// What its programs inherit, set once here.
void prepare_process() {
  ::signal(SIGPIPE, SIG_DFL);  // channels say for themselves that they want none
  ::umask(077);
  check(::fcntl(kStarterChannelFd, F_SETFD, FD_CLOEXEC), "keep the starter's channel from programs");
  check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans");
  check(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0), "be closed to programs of the same user");
}

}  // namespace

int run_public_listener(UniqueFd starter) {
  prepare_process();
  PublicListener listener(std::move(starter));
  listener.keep_log_from_blocking();
  return listener.run();
}

}  // namespace usher
