#include "worker/starter.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <optional>

#include "base/configuration_faults.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/system.h"
#include "worker/control.h"
#include "worker/descendants.h"
#include "worker/directories.h"
#include "worker/listening_sockets.h"
#include "worker/service.h"
#include "worker/template_link.h"
#include "worker/worker_table.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopTime = 2s;        // from SIGTERM to SIGKILL when Usher stops
constexpr auto kStopPatience = 6s;    // then workers that are still there are killed
constexpr auto kServicePatience = 5s; // for listener and pool to end by themselves
constexpr auto kReloadPatience = 30s;

// One generation of the configuration and what belongs to it.
struct Generation {
  std::uint32_t number = 0;
  std::shared_ptr<const Configuration> configuration;
  UniqueFd sealed;
  ListeningEnds listening;
};

UniqueFd duplicate(int fd) { return UniqueFd(check(::fcntl(fd, F_DUPFD_CLOEXEC, 0), "duplicate a descriptor")); }

// What the pool sends along has to be one end of a SEQPACKET pair.
void check_is_channel(int fd) {
  int type = 0;
  int domain = 0;
  socklen_t length = sizeof type;
  const bool is_socket = ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
                         ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0;
  if (!is_socket || type != SOCK_SEQPACKET || domain != AF_UNIX) throw ProtocolError("a descriptor is not a channel");
}

class Starter {
 public:
  explicit Starter(StarterOptions options) : options_(std::move(options)) {}

  int run() {
    if (!read_first_configuration()) return 1;
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
  // ---- configuration ----

  struct Read {
    ConfigurationSource source;
    ConfigurationResult result;
  };

  Read read_configuration() const {
    std::vector<Fault> faults;
    Read read;
    read.source = read_configuration_files(options_.configuration, faults);
    read.result = parse_configuration(read.source);
    read.result.faults.insert(read.result.faults.begin(), faults.begin(), faults.end());
    if (read.result.ok()) check_against_machine(read.source, read.result);
    return read;
  }

  bool read_first_configuration() {
    Read read = read_configuration();
    print_faults(read.result.faults);
    if (!read.result.ok()) return false;
    generation_.number = 1;
    generation_.sealed = seal_configuration(read.source);
    generation_.configuration = std::make_shared<const Configuration>(std::move(read.result.configuration));
    return true;
  }

  const Configuration& configuration() const { return *generation_.configuration; }
  const ServerConfig& server() const { return configuration().server; }

  // ---- start ----

  void set_up() {
    block_signals();
    check(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "become the parent of orphans");
    raise_descriptor_limit();
    ::umask(022);
    const bool root = ::geteuid() == 0;
    const auto service_user = root ? find_account(server().user) : find_account(::geteuid());
    if (!service_user) throw Error(ErrorCode::configuration, "there is no user to run listener and pool as");
    make_directories(server(), *service_user);
    lock_ = lock_runtime_directory(server().runtime_directory);
    generation_.listening = bind_listeners(configuration(), nullptr, {});
    pool_socket_ = bind_named(server().runtime_directory + "/pool.sock", service_user->uid, service_user->gid);
    control_.emplace(loop_, bind_named(server().runtime_directory + "/control.sock", ::geteuid(), ::getegid()), commands());
    set_orders(root ? service_user : std::nullopt);
    if (!root) log::notice("without_root", {{"effect", "only this user can log in"}, {"user", service_user->name}});

    template_.configure(generation_.number, generation_.sealed.get());
    listener_.start();
    pool_.start();
  }

  void block_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    check(sigprocmask(SIG_BLOCK, &set, nullptr), "block signals");
    ::signal(SIGPIPE, SIG_IGN);
    signals_.reset(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "hear signals"));
    signal_watch_ = loop_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { hear_signals(); });
  }

  // Each worker is two descriptors here.
  static void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }

  void set_orders(const std::optional<Account>& service_user) {
    const std::string directory = own_directory();
    const std::string log = std::string("--log=") + log::name_of(log::current_target());
    const bool detached = options_.detached;
    listener_.set_order({directory + "usher-listener", {log}, service_user, {}, detached});
    pool_.set_order({directory + "usher-pool", {log}, service_user, {pool_socket_.get()}, detached});
    template_.set_order({directory + "usher-worker", {log}, {}, {}, detached});
  }

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
      listener_.send(ListeningSocket{static_cast<std::uint16_t>(i)}, duplicate(generation_.listening[i]->fd()));
    }
  }

  // A new pool is told of all workers that live before it is told of those that ended meanwhile.
  void pool_started() {
    send_configuration(pool_);
    workers_.for_each([this](std::uint32_t number, pid_t pid) { pool_.send(WorkerForked{number, pid}); });
    for (const WorkerEnded& ended : std::exchange(unreported_, {})) pool_.send(ended);
    connect_services();
  }

  // Listener and pool get a channel to each other whenever one of them is new.
  void connect_services() {
    if (!listener_.running() || !pool_.running()) return;
    auto [listeners_end, pools_end] = make_channel();
    listener_.send(PeerChannel{}, listeners_end.release());
    pool_.send(PeerChannel{}, pools_end.release());
  }

  // ---- what services say ----

  void pool_said(Packet& packet) {
    switch (static_cast<ServiceSays>(packet.kind())) {
      case ServiceSays::ready: return service_ready();
      case ServiceSays::start_worker: return start_worker(packet);
      case ServiceSays::end_worker: return workers_.kill(packet.as<EndWorker>().number);
      case ServiceSays::failed: return;
    }
  }

  void service_ready() {
    const bool all = listener_.ready_generation() == generation_.number && pool_.ready_generation() == generation_.number;
    if (!all) return;
    if (!reported_ready_) report_ready();
    if (const auto call = std::exchange(reload_call_, nullptr)) {
      reload_timer_.end();
      call->done(0, "the configuration is in force (generation " + std::to_string(generation_.number) + ")");
    }
  }

  void report_ready() {
    reported_ready_ = true;
    for (std::size_t i = 0; i < generation_.listening.size(); ++i) {
      log::info("listening",
                {{"listener", configuration().listeners[i].name}, {"address", generation_.listening[i]->address()}});
    }
    log::info("ready", {{"configuration", options_.configuration}, {"pid", ::getpid()}});
    notify_service_manager("READY=1");
    if (options_.ready && ::write(options_.ready.get(), "1", 1) == 1) options_.ready.reset();
    if (options_.detached) give_up_terminal();
  }

  static void give_up_terminal() {
    const UniqueFd null(check(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) check(::dup2(null.get(), fd), "leave the terminal");
  }

  void start_worker(Packet& packet) {
    const auto order = packet.as<StartWorker>();
    std::vector<UniqueFd> channels;
    for (std::size_t i = 0; i < packet.descriptors(); ++i) {
      channels.push_back(packet.take_descriptor(i));
      check_is_channel(channels.back().get());
    }
    if (order.number == 0 || order.number > kMaxJobNumber || workers_.has(order.number)) {
      throw ProtocolError("a job number is out of range or in use");
    }
    if (stopping_) return refuse_worker(order.number, "Usher stops");
    if (order.generation != generation_.number) return refuse_worker(order.number, "the configuration has changed");
    if (order.pool >= configuration().pools.size()) throw ProtocolError("there is no such pool");
    const PoolConfig& pool = configuration().pools[order.pool];
    if (workers_.count(pool.name) >= pool.maximum) return refuse_worker(order.number, "the pool is at its maximum");

    auto [ours, workers] = make_channel();
    workers_.add(order.number, generation_.configuration, pool.name, std::move(ours));
    channels.insert(channels.begin(), workers.release());
    template_.fork_worker({order.number, order.id, order.pool}, std::move(channels));
  }

  void refuse_worker(std::uint32_t number, const std::string& reason) { pool_.send(WorkerFailed{number, reason}); }

  void worker_failed(std::uint32_t number, const std::string& reason) {
    log::error("worker_not_forked", {{"number", number}, {"reason", reason}});
    workers_.failed(number);
    refuse_worker(number, reason);
  }

  // ---- children ----

  void hear_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) continue;
      if (info.ssi_signo == SIGHUP) {
        reload(nullptr);
      } else {
        stop(nullptr, false);
      }
    }
    reap();
  }

  void reap() {
    int status = 0;
    rusage usage{};
    for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0;) child_ended(pid, status, usage);
    if (stopping_) go_on_stopping();
  }

  void child_ended(pid_t pid, int status, const rusage& usage) {
    if (pid == listener_.pid()) return listener_.ended(status);
    if (pid == pool_.pid()) return pool_.ended(status);
    if (template_.ended(pid, status)) return;
    const std::uint32_t number = workers_.ended(pid);
    if (number == 0) return;  // an orphan that a worker left
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(WorkerExit::clean);
    if (WIFEXITED(status) && WEXITSTATUS(status) == static_cast<int>(WorkerExit::login_crashed)) template_.renew();
    if (!clean) look_for_orphans();
    const auto microseconds = [](const timeval& t) { return static_cast<std::uint64_t>(t.tv_sec * 1'000'000 + t.tv_usec); };
    report_end({number, status, microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
                static_cast<std::uint64_t>(usage.ru_maxrss)});
  }

  void report_end(const WorkerEnded& ended) {
    if (pool_.running()) return pool_.send(ended);
    unreported_.push_back(ended);
  }

  // A worker that was killed could not end what ran below it. No worker is forked meanwhile: every child that is not known
  // is then an orphan.
  void look_for_orphans() {
    orphans_ = true;
    template_.hold(true);
    loop_.defer([this] { kill_orphans(); });
  }

  void kill_orphans() {
    if (!orphans_) return;
    const auto is_known = [this](pid_t pid) {
      return pid == listener_.pid() || pid == pool_.pid() || template_.owns(pid) || workers_.owns(pid);
    };
    if (template_.outstanding() == 0 && kill_descendants(is_known) == 0) {
      orphans_ = false;
      template_.hold(false);
      return;
    }
    orphan_timer_ = loop_.after(2ms, [this] { kill_orphans(); });
  }

  // ---- the operator ----

  Control::Commands commands() {
    return {[this](const Control::CallPtr& call) { status(call); },
            [this](const Control::CallPtr& call, bool drain) { stop(call, drain); },
            [this](const Control::CallPtr& call) { reload(call); },
            [this](const Control::CallPtr& call, const AskEndJob& asked) { end_job(call, asked); }};
  }

  void status(const Control::CallPtr& call) {
    const auto fact = [&](const char* group, const std::string& name, const char* key, const std::string& value) {
      call->fact({group, name, key, value});
    };
    const auto process = [&](const char* name, const Service& service) {
      fact("process", name, "pid", std::to_string(service.pid()));
      fact("process", name, "restarts", std::to_string(service.restarts()));
    };
    fact("server", "usher", "pid", std::to_string(::getpid()));
    fact("server", "usher", "configuration", options_.configuration);
    fact("server", "usher", "generation", std::to_string(generation_.number));
    process("listener", listener_);
    process("pool", pool_);
    for (std::size_t i = 0; i < generation_.listening.size(); ++i) {
      fact("listener", configuration().listeners[i].name, "address", generation_.listening[i]->address());
    }
    for (const PoolConfig& pool : configuration().pools) {
      fact("pool", pool.name, "workers", std::to_string(workers_.count(pool.name)));
      fact("pool", pool.name, "maximum", std::to_string(pool.maximum));
    }
    fact("workers", "all", "ready", std::to_string(workers_.count(WorkerStage::idle)));
    fact("workers", "all", "login", std::to_string(workers_.count(WorkerStage::login)));
    fact("workers", "all", "active", std::to_string(workers_.count(WorkerStage::session)));
    call->done(0, "");
  }

  void end_job(const Control::CallPtr& call, const AskEndJob& asked) {
    if (workers_.end(asked.number, std::chrono::milliseconds(asked.delay_ms))) return call->done(0, "");
    call->done(3, "no worker has job number " + std::to_string(asked.number));
  }

  // Everything that can fail is done before anything changes.
  void reload(const Control::CallPtr& call) {
    if (stopping_) return say(call, 1, "Usher stops");
    if (reload_call_) return say(call, 1, "another reload is under way");
    Read read = read_configuration();
    for (const Fault& fault : read.result.faults) {
      if (call) call->progress(fault.text());
    }
    if (!read.result.ok()) return say(call, 1, "nothing was changed: the configuration has faults");
    if (const std::string why = unchangeable(read.result.configuration); !why.empty()) return say(call, 1, why);
    try {
      Generation next;
      next.number = generation_.number + 1;
      next.sealed = seal_configuration(read.source);
      next.configuration = std::make_shared<const Configuration>(std::move(read.result.configuration));
      next.listening = bind_listeners(*next.configuration, &configuration(), generation_.listening);
      follow(std::move(next), call);
    } catch (const std::exception& error) {
      say(call, 1, std::string("nothing was changed: ") + error.what());
    }
  }

  std::string unchangeable(const Configuration& next) const {
    const bool same = next.server.runtime_directory == server().runtime_directory &&
                      next.server.state_directory == server().state_directory && next.server.user == server().user;
    return same ? "" : "nothing was changed: directories and user of [server] change with usher stop and usher start only";
  }

  void follow(Generation next, const Control::CallPtr& call) {
    template_.configure(next.number, next.sealed.get());
    generation_ = std::move(next);
    send_configuration(pool_);
    send_configuration(listener_);
    send_listening_sockets();
    reload_call_ = call;
    if (call) {
      reload_timer_ = loop_.after(kReloadPatience, [this] {
        std::exchange(reload_call_, nullptr)->done(1, "the services have not taken the configuration up in time; see the log");
      });
    }
    log::info("configuration", {{"generation", generation_.number}});
  }

  static void say(const Control::CallPtr& call, std::uint8_t status, const std::string& text) {
    if (call) return call->done(status, text);
    if (status != 0) log::error("configuration_refused", {{"reason", text}});
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
    }
    workers_.end_all(kStopTime, !drain);
    stop_timer_ = loop_.after(kStopPatience, [this] { insist(); });
    go_on_stopping();
  }

  // While sessions drain only those count that have no session.
  void insist() {
    if (draining_) {
      tell_progress();
      workers_.end_all(kStopTime, false);
      stop_timer_ = loop_.after(kStopPatience, [this] { insist(); });
      return;
    }
    workers_.kill_all();
    listener_.kill();
  }

  void tell_progress() {
    const std::string text = "waiting for " + std::to_string(workers_.count(WorkerStage::session)) + " running programs";
    for (const auto& call : stop_calls_) call->progress(text);
  }

  // Called whenever a child has ended: workers first, then those who report on them.
  void go_on_stopping() {
    if (workers_.size() > 0 || orphans_) return;
    if (!std::exchange(services_told_, true)) {
      template_.stop();
      pool_.stop();
      stop_timer_ = loop_.after(kServicePatience, [this] {
        pool_.kill();
        listener_.kill();
      });
    }
    if (!listener_.running() && !pool_.running()) loop_.defer([this] { finish(); });
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

  WorkerTable workers_{loop_};
  std::vector<WorkerEnded> unreported_;  // ended while no pool was there to be told
  Service listener_{loop_,
                    "listener",
                    kListenerServiceRequests,
                    {[this] { listener_started(); },
                     [this](Packet& packet) {
                       if (packet.kind() == static_cast<std::uint8_t>(ServiceReady::kKind)) service_ready();
                     },
                     [this](const std::string& reason) { start_failed(reason); }}};
  Service pool_{loop_,
                "pool",
                kPoolServiceRequests,
                {[this] { pool_started(); }, [this](Packet& packet) { pool_said(packet); },
                 [this](const std::string& reason) { start_failed(reason); }}};
  TemplateLink template_{
      loop_,
      {[this](std::uint32_t number, pid_t pid) { worker_forked(number, pid); },
       [this](std::uint32_t number, const std::string& reason) { worker_failed(number, reason); }, [] {},
       [this](const std::string& reason) { start_failed(reason); }}};

  void worker_forked(std::uint32_t number, pid_t pid) {
    workers_.forked(number, pid);
    pool_.send(WorkerForked{number, pid});
    if (stopping_) workers_.end(number, kStopTime);
  }

  bool reported_ready_ = false;
  Control::CallPtr reload_call_;
  EventLoop::Timer reload_timer_;

  bool orphans_ = false;
  EventLoop::Timer orphan_timer_;

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
