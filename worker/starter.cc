#include "worker/starter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/configuration_report.h"
#include "base/log.h"
#include "base/system.h"
#include "worker/control.h"
#include "worker/directories.h"
#include "worker/generation.h"
#include "worker/public_planning.h"
#include "worker/public_services.h"
#include "worker/service.h"
#include "worker/service_manager.h"
#include "worker/spawn.h"
#include "worker/worker_supervisor.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartPatience = 60s;
constexpr auto kStopTime = 2s;         // from SIGTERM to SIGKILL when Usher stops
constexpr auto kStopPatience = 6s;     // then workers that are still there are killed
constexpr auto kServicePatience = 5s;  // for listener and pool to end by themselves
constexpr auto kReloadPatience = 60s;

UniqueFd duplicate(int fd) { return UniqueFd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicate a descriptor")); }

void give_up_terminal() {
  const UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) check(::dup2(null.get(), fd), "leave the terminal");
}

class Starter {
 public:
  explicit Starter(StarterOptions options) : options_(std::move(options)) {}

  int run() {
    std::vector<Fault> faults;
    auto first = read_generation(options_.configuration, 1, faults);
    std::fputs(faults_text(faults).c_str(), stderr);
    if (!first) return 1;
    generation_ = std::move(*first);
    try {
      set_up();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "usher: %s\n", error.what());
      return 1;
    }
    loop_.run();
    return exit_status_;
  }

 private:
  const Configuration& configuration() const { return *generation_.configuration; }
  const ServerConfig& server() const { return configuration().server; }

  // ---- start ----

  void set_up() {
    block_signals();
    check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans");
    raise_descriptor_limit();  // each worker is two descriptors here
    ::umask(022);
    const bool root = ::geteuid() == 0;
    const auto service_user = root ? find_account(server().user) : find_account(::geteuid());
    if (!service_user) throw Error(ErrorCode::configuration, "there is no user to run listener and pool as");
    make_directories(server(), *service_user);
    lock_ = lock_runtime_directory(server().runtime_directory);
    owner_ = service_user->name;
    generation_.listening = bind_listeners(configuration(), nullptr, {});
    generation_.public_plans = plan_public_listeners(configuration(), owner_);
    pool_socket_ = bind_named(server().runtime_directory + "/pool.sock", service_user->uid, service_user->gid);
    control_.emplace(loop_, bind_named(server().runtime_directory + "/control.sock", ::geteuid(), ::getegid()), commands());
    set_orders(root ? service_user : std::nullopt);
    if (!root) log::notice("without_root", {{"effect", "only this user can log in"}, {"user", service_user->name}});

    workers_.pattern().prepare(generation_.number, duplicate(generation_.sealed.get()), [this](const std::string& failure) {
      if (!failure.empty()) start_failed(failure);
    });
    listener_.start();
    pool_.start();
    publics_.follow(generation_);
    start_timer_ = loop_.after(kStartPatience, [this] { start_failed("it is not ready in time; the log may say why"); });
  }

  void block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) {
      ::signal(signal, SIG_DFL);  // one that is ignored is not heard of; a shell ignores SIGINT in what it starts with &
      sigaddset(&set, signal);
    }
    check(sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "hear signals"));
    signal_watch_ = loop_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { hear_signals(); });
  }

  void set_orders(const std::optional<Account>& service_user) {
    const std::string directory = own_directory();
    const std::string log = std::string("--log=") + log::name_of(log::current_target());
    const bool detached = options_.detached;
    listener_.set_order({directory + "usher-listener", {log}, service_user, {}, detached});
    pool_.set_order({directory + "usher-pool", {log}, service_user, {pool_socket_.get()}, detached});
    publics_.set_order({directory + "usher-public", {log}, {}, {}, detached}, ::geteuid() == 0);
    workers_.pattern().set_order({directory + "usher-worker", {log}, {}, {}, detached});
  }

  // ---- services ----

  void send_configuration(Service& service) {
    service.send(Configure{generation_.number}, duplicate(generation_.sealed.get()));
  }

  void listener_started() {
    send_configuration(listener_);
    send_listening_sockets();
    connect_services();
  }

  void send_listening_sockets() {
    for (std::size_t i = 0; i < generation_.listening.size(); ++i) {
      if (configuration().listeners[i].is_public()) continue;
      listener_.send(ListeningSocket{static_cast<std::uint16_t>(i)}, duplicate(generation_.listening[i]->fd()));
    }
  }

  // A new pool hears of all workers that live, and of those that ended meanwhile, before it begins its work.
  void pool_started() {
    workers_.table().for_each([this](std::uint32_t number, pid_t pid) { pool_.send(WorkerForked{number, pid}); });
    for (const WorkerEnded& ended : std::exchange(unreported_, {})) pool_.send(ended);
    send_configuration(pool_);
    connect_services();
    publics_.meet_pool();
  }

  // Listener and pool get a channel to each other whenever one of them is new.
  void connect_services() {
    if (!listener_.running() || !pool_.running()) return;
    auto [listeners_end, pools_end] = make_channel();
    listener_.send(PeerChannel{pool_.pid()}, listeners_end.release());
    pool_.send(PeerChannel{listener_.pid()}, pools_end.release());
  }

  void listener_said(const Packet& packet) {
    if (packet.kind() == static_cast<std::uint8_t>(ServiceReady::kKind)) service_ready();
  }

  void pool_said(Packet& packet) {
    switch (static_cast<ServiceSays>(packet.kind())) {
      case ServiceSays::ready: return service_ready();
      case ServiceSays::start_worker: return start_worker(packet);
      case ServiceSays::end_worker: return workers_.table().kill(packet.as<EndWorker>().number);
      case ServiceSays::retire_worker: return workers_.table().retire(packet.as<RetireWorker>().number);
      case ServiceSays::failed: return;
    }
  }

  void start_worker(Packet& packet) {
    const auto order = packet.as<StartWorker>();
    std::vector<UniqueFd> channels;
    for (std::size_t i = 0; i < packet.descriptors(); ++i) channels.push_back(packet.take_descriptor(i));
    if (order.generation != generation_.number) return workers_.refuse(order.number, "the configuration has changed");
    workers_.start(order, std::move(channels), generation_.configuration);
  }

  void service_ready() {
    const bool all = listener_.ready_generation() == generation_.number && pool_.ready_generation() == generation_.number;
    if (!all || !publics_.ready(generation_.number)) return;
    if (!std::exchange(reported_ready_, true)) report_ready();
    if (reload_timer_.pending()) {
      answer_reload(0, "the configuration is in force (generation " + std::to_string(generation_.number) + ")");
    }
  }

  void report_ready() {
    start_timer_.end();
    for (std::size_t i = 0; i < generation_.listening.size(); ++i) {
      log::info("listening",
                {{"listener", configuration().listeners[i].name}, {"address", generation_.listening[i]->address()}});
    }
    log::info("ready", {{"configuration", options_.configuration}, {"pid", ::getpid()}});
    notify_service_manager("READY=1");
    if (options_.ready && ::write(options_.ready.get(), "1", 1) == 1) options_.ready.reset();
    if (options_.detached) give_up_terminal();
  }

  // At a start nothing comes up; later the others go on without it.
  void public_gave_up(const std::string& reason) {
    if (!reported_ready_) return start_failed(reason);
    log::error("public_listener_failed", {{"reason", reason}});
    answer_reload(1, reason);
  }

  // ---- children ----

  void hear_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGHUP) reload(nullptr);
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) stop(nullptr, false);
    }
    int status = 0;
    rusage usage{};
    for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0;) child_ended(pid, status, usage);
    if (stopping_) go_on_stopping();
  }

  void child_ended(pid_t pid, int status, const rusage& usage) {
    if (pid == listener_.pid()) return listener_.ended(status);
    if (pid == pool_.pid()) return pool_.ended(status);
    if (publics_.ended(pid, status)) return;
    workers_.ended(pid, status, usage);  // or an orphan that a worker left: nobody asks for it
  }

  void worker_ended(const WorkerEnded& ended) {
    if (pool_.running()) return pool_.send(ended);
    unreported_.push_back(ended);
  }

  // ---- the operator ----

  Control::Commands commands() {
    return {[this](const Control::CallPtr& call) { status(*call); },
            [this](const Control::CallPtr& call, bool drain) { stop(call, drain); },
            [this](const Control::CallPtr& call) { reload(call); },
            [this](const Control::CallPtr& call, const AskEndJob& asked) { end_job(*call, asked); }};
  }

  void status(Control::Call& call) {
    const auto fact = [&](const char* group, const std::string& name, const char* key, const std::string& value) {
      call.fact({group, name, key, value});
    };
    fact("server", "usher", "pid", std::to_string(::getpid()));
    fact("server", "usher", "configuration", options_.configuration);
    fact("server", "usher", "generation", std::to_string(generation_.number));
    fact("server", "usher", "ready", reported_ready_ ? "yes" : "no");
    for (const auto& [name, service] : {std::pair("listener", &listener_), std::pair("pool", &pool_)}) {
      fact("process", name, "pid", std::to_string(service->pid()));
      fact("process", name, "restarts", std::to_string(service->restarts()));
    }
    publics_.for_each([&](const std::string& name, const Service& service) {
      fact("public", name, "pid", std::to_string(service.pid()));
      fact("public", name, "restarts", std::to_string(service.restarts()));
    });
    for (std::size_t i = 0; i < generation_.listening.size(); ++i) {
      fact("listener", configuration().listeners[i].name, "address", generation_.listening[i]->address());
    }
    const WorkerTable& table = workers_.table();
    for (const PoolConfig& pool : configuration().pools) {
      fact("pool", pool.name, "workers", std::to_string(table.count(pool.name)));
      for (const auto& [key, value] : {std::pair("maximum", pool.maximum), std::pair("initial", pool.initial),
                                       std::pair("threshold", pool.threshold), std::pair("additional", pool.additional)}) {
        fact("pool", pool.name, key, std::to_string(value));
      }
      fact("pool", pool.name, "wait", pool.wait ? "yes" : "no");
    }
    for (const auto& [name, stage] : {std::pair("ready", WorkerStage::idle), std::pair("login", WorkerStage::login),
                                      std::pair("active", WorkerStage::session)}) {
      fact("workers", "all", name, std::to_string(table.count(stage)));
    }
    call.done(0, "");
  }

  void end_job(Control::Call& call, const AskEndJob& asked) {
    if (workers_.table().end(asked.number, std::chrono::milliseconds(asked.delay_ms))) return call.done(0, "");
    if (publics_.end(asked.number, std::chrono::milliseconds(asked.delay_ms))) return call.done(0, "");
    call.done(3, "no worker has job number " + std::to_string(asked.number));
  }

  // ---- reload: everything that can fail is done before anything changes ----

  void reload(const Control::CallPtr& call) {
    const auto refuse = [&](const std::string& why) {
      log::error("configuration_refused", {{"reason", why}});
      if (call) call->done(1, "nothing was changed: " + why);
    };
    if (stopping_) return refuse("Usher stops");
    if (reload_timer_.pending()) return refuse("another reload is under way");
    std::vector<Fault> faults;
    auto next = read_generation(options_.configuration, generation_.number + 1, faults);
    for (const Fault& fault : faults) {
      if (call) call->progress(fault.text());
    }
    if (!next) return refuse("the configuration has faults");
    if (moves(next->configuration->server)) {
      return refuse("directories and users of [server] change only by usher stop and usher start");
    }
    try {
      next->listening = bind_listeners(*next->configuration, &configuration(), generation_.listening);
      next->public_plans = plan_public_listeners(*next->configuration, owner_);
      workers_.pattern().prepare(next->number, duplicate(next->sealed.get()),
                                 [this](const std::string& failure) { follow(failure); });
    } catch (const std::exception& error) {
      return refuse(error.what());
    }
    next_ = std::move(next);
    reload_call_ = call;
    reload_timer_ = loop_.after(kReloadPatience, [this] { answer_reload(1, "it takes too long; the log may say why"); });
  }

  bool moves(const ServerConfig& next) const {
    return next.runtime_directory != server().runtime_directory || next.state_directory != server().state_directory ||
           next.user != server().user || next.login_user != server().login_user;
  }

  void follow(const std::string& failure) {
    auto next = std::exchange(next_, std::nullopt);
    if (!failure.empty()) {
      log::error("configuration_refused", {{"reason", failure}});
      return answer_reload(1, "nothing was changed: " + failure);
    }
    if (stopping_) return;
    generation_ = std::move(*next);
    send_configuration(pool_);
    send_configuration(listener_);
    send_listening_sockets();
    publics_.follow(generation_);
    log::notice("configuration", {{"generation", generation_.number}});
  }

  void answer_reload(std::uint8_t status, const std::string& text) {
    reload_timer_.end();
    if (const auto call = std::exchange(reload_call_, nullptr)) call->done(status, text);
  }

  // ---- stop ----

  void start_failed(const std::string& reason) {
    std::fprintf(stderr, "usher: %s\n", reason.c_str());
    exit_status_ = 1;
    stop(nullptr, false);
  }

  void stop(const Control::CallPtr& call, bool drain) {
    if (call) stop_calls_.push_back(call);
    if (stopping_ && (drain || !draining_)) return;
    draining_ = drain;
    if (!std::exchange(stopping_, true)) {
      log::notice("stop", {{"drain", drain ? "yes" : "no"}});
      notify_service_manager("STOPPING=1");
      generation_.listening.clear();
      listener_.stop();
      pool_.stop();
    }
    workers_.stop(kStopTime, !drain);
    publics_.stop();
    if (!drain) publics_.end_programs(kStopTime);
    stop_timer_ = loop_.after(kStopPatience, [this] { insist(); });
    go_on_stopping();
  }

  // While sessions drain only those are ended that have none.
  void insist() {
    if (draining_) {
      const std::string sessions = std::to_string(workers_.table().count(WorkerStage::session));
      for (const auto& call : stop_calls_) call->progress("waiting for " + sessions + " running programs");
      workers_.stop(kStopTime, false);
      stop_timer_ = loop_.after(kStopPatience, [this] { insist(); });
      return;
    }
    workers_.table().kill_all();
    publics_.kill_all();
  }

  // Whenever a child has ended: workers go first, then those who report on them.
  void go_on_stopping() {
    if (!workers_.idle() || !publics_.idle()) return;
    if (!std::exchange(services_told_, true)) {
      workers_.pattern().stop();
      pool_.hang_up();
      listener_.hang_up();
      stop_timer_ = loop_.after(kServicePatience, [this] {
        pool_.kill();
        listener_.kill();
      });
    }
    if (!listener_.running() && !pool_.running()) finish();
  }

  void finish() {
    for (const char* name : {"/pool.sock", "/control.sock"}) ::unlink((server().runtime_directory + name).c_str());
    log::notice("stopped");
    for (const auto& call : stop_calls_) call->done(0, "");
    loop_.stop();
  }

  StarterOptions options_;
  EventLoop loop_;
  Generation generation_;
  UniqueFd lock_;
  UniqueFd pool_socket_;
  UniqueFd signals_;
  EventLoop::Watch signal_watch_;
  std::optional<Control> control_;

  Service listener_{loop_,
                    "listener",
                    kListenerServiceRequests,
                    {[this] { listener_started(); }, [this](Packet& packet) { listener_said(packet); },
                     [this](const std::string& reason) { start_failed(reason); }}};
  Service pool_{loop_,
                "pool",
                kPoolServiceRequests,
                {[this] { pool_started(); }, [this](Packet& packet) { pool_said(packet); },
                 [this](const std::string& reason) { start_failed(reason); }}};
  WorkerSupervisor workers_{loop_,
                            {[this](const WorkerForked& forked) { pool_.send(forked); },
                             [this](const WorkerFailed& failed) { pool_.send(failed); },
                             [this](const WorkerEnded& ended) { worker_ended(ended); },
                             [this] {
                               if (stopping_) go_on_stopping();
                             },
                             [this](pid_t pid) { return pid == listener_.pid() || pid == pool_.pid() || publics_.owns(pid); }}};
  PublicServices publics_{loop_,
                          {[this] { service_ready(); }, [this](const std::string& reason) { public_gave_up(reason); },
                           [this](const PublicChannel& channel, UniqueFd end) { pool_.send(channel, std::move(end)); },
                           [this] { return pool_.pid(); }, [this] { workers_.look_for_orphans(); }}};
  std::string owner_;  // the user in the names of jobs
  std::vector<WorkerEnded> unreported_;  // ended while no pool was there to be told

  bool reported_ready_ = false;
  EventLoop::Timer start_timer_;
  std::optional<Generation> next_;  // its template is being prepared
  Control::CallPtr reload_call_;
  EventLoop::Timer reload_timer_;  // pending: listener, pool or template are still on their way to the new generation

  bool stopping_ = false;
  bool draining_ = false;
  bool services_told_ = false;
  std::vector<Control::CallPtr> stop_calls_;
  EventLoop::Timer stop_timer_;
  int exit_status_ = 0;
};

}  // namespace

int run_starter(StarterOptions options) { return Starter(std::move(options)).run(); }

}  // namespace usher
