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
#include "base/own_directory.h"
#include "base/system.h"
#include "worker/control.h"
#include "worker/directories.h"
#include "worker/generation.h"
#include "worker/parked_clients.h"
#include "worker/public_planning.h"
#include "worker/public_services.h"
#include "worker/restart.h"
#include "worker/service.h"
#include "worker/service_manager.h"
#include "worker/shutdown.h"
#include "worker/spawn.h"
#include "worker/starter_process.h"
#include "worker/status.h"
#include "worker/starter_state.h"
#include "worker/worker_supervisor.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kStartPatience = 60s;
constexpr auto kReloadPatience = 60s;

class Starter {
 public:
  explicit Starter(StarterOptions options) : options_(std::move(options)) {}

  int run() {
    if (options_.state) before_ = load_state(std::exchange(options_.state, UniqueFd()).get());
    std::vector<Fault> faults;
    auto first = read_generation(options_.configuration, before_ ? before_->generation + 1 : 1, faults);
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
    owner_ = service_user->name;
    generation_.public_plans = plan_public_listeners(configuration(), owner_);
    before_ ? resume(*before_) : bind(*service_user);
    set_orders(root ? service_user : std::nullopt);
    if (!root) log::notice("without_root", {{"effect", "only this user can log in"}, {"user", service_user->name}});

    workers_.pattern().prepare(generation_.number, duplicate(generation_.sealed.get()), [this](const std::string& failure) {
      if (failure.empty()) return;
      start_failed(failure);
      workers_.pattern().stop();  // workers that wait for it are never to be
    });
    listener_.start();
    pool_.start();
    publics_.follow(generation_);
    start_timer_ = loop_.after(kStartPatience, [this] { start_failed("it is not ready in time; the log may say why"); });
    hear_signals();  // what came before they were blocked, or before this process became a new one
  }

  void bind(const Account& service_user) {
    const std::string& directory = server().runtime_directory;
    lock_ = lock_runtime_directory(directory);
    generation_.listening = bind_listeners(configuration(), nullptr, {});
    pool_socket_ = bind_named(directory + "/pool.sock", service_user.uid, service_user.gid);
    jobs_socket_ = bind_named(directory + "/jobs.sock", service_user.uid, service_user.gid, 0666);
    control_.emplace(loop_, bind_named(directory + "/control.sock", ::geteuid(), ::getegid()), commands());
  }

  // ---- restart in place ----

  // What the starter that this process was before has left.
  void resume(const StarterState& state) {
    for (const int fd : descriptors_of(state)) check(::fcntl(fd, F_SETFD, FD_CLOEXEC), "keep a descriptor");
    const auto former = parse_configuration(unseal_configuration(UniqueFd(state.sealed).get()));
    const auto configuration_before = std::make_shared<const Configuration>(former.configuration);
    ListeningEnds bound;
    for (const int fd : state.listening) {
      bound.push_back(std::make_shared<ListeningEnd>(configuration_before->listeners.at(bound.size()).address, UniqueFd(fd)));
    }
    lock_.reset(state.lock);
    generation_.listening = bind_listeners(configuration(), configuration_before.get(), bound);
    for (const PublicServices::Row& row : state.publics) publics_.adopt(row);
    pool_socket_.reset(state.pool_socket);
    jobs_socket_.reset(state.jobs_socket);
    control_.emplace(loop_, UniqueFd(state.control), commands());
    for (const WorkerTable::Row& row : state.workers) {
      workers_.table().adopt(row, configuration_before, Channel(UniqueFd(row.channel)));
    }
    unreported_ = state.ended;
    listener_.set_restarts(state.listener_restarts + 1);
    pool_.set_restarts(state.pool_restarts + 1);
    options_.detached = state.detached;
    if (state.call >= 0) restart_.resume(control_->resume(UniqueFd(state.call)), {true, true, true});
  }

  StarterState state() {
    StarterState state;
    state.generation = generation_.number;
    state.detached = options_.detached;
    state.listener_restarts = listener_.restarts();
    state.pool_restarts = pool_.restarts();
    state.sealed = generation_.sealed.get();
    for (const auto& end : generation_.listening) state.listening.push_back(end->fd());
    state.lock = lock_.get();
    state.pool_socket = pool_socket_.get();
    state.jobs_socket = jobs_socket_.get();
    state.control = control_->fd();
    state.call = restart_.call()->fd();
    state.workers = workers_.table().rows();
    state.publics = publics_.rows();
    state.ended = unreported_;
    return state;
  }

  void restart(const Control::CallPtr& call, const AskRestart& what) {
    if (shutdown_.under_way() || !reported_ready_) return call->done(1, "Usher starts or stops just now");
    if (reload_timer_.pending() || restart_.under_way()) return call->done(1, "a reload or a restart is under way");
    if (const std::string fault = what.starter ? fault_of_next_starter(options_.configuration, server(), *call) : ""; !fault.empty()) {
      return call->done(1, "nothing was changed: " + fault);
    }
    std::chrono::milliseconds patience{0};
    for (const ListenerConfig& listener : configuration().listeners) patience = std::max(patience, listener.pending_timeout);
    restart_.begin(call, what, patience);
  }

  void block_signals() {
    signals_ = hear_signals_of_starter();
    signal_watch_ = loop_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { hear_signals(); });
  }

  void set_orders(const std::optional<Account>& service_user) {
    const std::string directory = own_directory();
    const std::string log = std::string("--log=") + log::name_of(log::current_target());
    const bool detached = options_.detached;
    listener_.set_order({directory + "usher-listener", {log}, service_user, {}, detached, true});
    pool_.set_order({directory + "usher-pool", {log}, service_user, {pool_socket_.get(), jobs_socket_.get()}, detached, true});
    publics_.set_order({directory + "usher-public", {log}, {}, {}, detached}, ::geteuid() == 0);
    workers_.pattern().set_order({directory + "usher-worker", {log}, {}, {}, detached});
  }

  // ---- services ----

  void send_configuration(Service& service) {
    service.send(Configure{generation_.number, service.restarts() > 0}, duplicate(generation_.sealed.get()));
  }

  void listener_started() {
    send_configuration(listener_);
    send_listening_sockets();
    parked_.give_to(listener_);
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

  void listener_said(Packet& packet) {
    switch (static_cast<ServiceSays>(packet.kind())) {
      case ServiceSays::ready: return service_ready();
      case ServiceSays::park_client: return parked_.park(packet.as<ParkClient>(), packet.take_descriptor(0));
      case ServiceSays::unpark_client: return parked_.unpark(packet.as<UnparkClient>().serial);
      case ServiceSays::start_worker:
      case ServiceSays::end_worker:
      case ServiceSays::retire_worker:
      case ServiceSays::running_programs:
      case ServiceSays::failed: return;
    }
  }

  void pool_said(Packet& packet) {
    if (!pool_.running()) return;  // wishes of a dead one: whoever was to be served asks again
    switch (static_cast<ServiceSays>(packet.kind())) {
      case ServiceSays::ready: return service_ready();
      case ServiceSays::start_worker: return start_worker(packet);
      case ServiceSays::end_worker: return workers_.table().kill(packet.as<EndWorker>().number);
      case ServiceSays::retire_worker: return workers_.table().retire(packet.as<RetireWorker>().number);
      case ServiceSays::failed:
      case ServiceSays::park_client:
      case ServiceSays::unpark_client:
      case ServiceSays::running_programs: return;
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
    restart_.all_ready();
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
      if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) shutdown_.begin(nullptr, false);
    }
    int status = 0;
    rusage usage{};
    for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0;) child_ended(pid, status, usage);
    shutdown_.go_on();
  }

  void child_ended(pid_t pid, int status, const rusage& usage) {
    if (pid == listener_.pid()) return listener_.ended(status);
    if (pid == pool_.pid()) return pool_.ended(status);
    if (publics_.ended(pid, status)) return;
    workers_.ended(pid, status, usage);  // or an orphan that a worker left: nobody asks for it
  }

  void worker_ended(const WorkerEnded& ended) {
    if (pool_.hears()) return pool_.send(ended);
    unreported_.push_back(ended);
  }

  // ---- the operator ----

  Control::Commands commands() {
    return {[this](const Control::CallPtr& call) { status(*call); },
            [this](const Control::CallPtr& call, bool drain) { shutdown_.begin(call, drain); },
            [this](const Control::CallPtr& call) { reload(call); },
            [this](const Control::CallPtr& call, const AskEndJob& asked) { end_job(*call, asked); },
            [this](const Control::CallPtr& call, const AskRestart& what) { restart(call, what); },
            [this](const Control::CallPtr& call) { reset_figures(*call); }};
  }

  void status(Control::Call& call) {
    call.fact({"server", "usher", "pid", std::to_string(::getpid())});
    call.fact({"server", "usher", "configuration", options_.configuration});
    call.fact({"server", "usher", "generation", std::to_string(generation_.number)});
    call.fact({"server", "usher", "ready", reported_ready_ ? "yes" : "no"});
    tell_parts({generation_, listener_, pool_, publics_, workers_.table()}, call);
    call.done(0, "");
  }

  void reset_figures(Control::Call& call) {
    listener_.send(ResetFigures{});
    pool_.send(ResetFigures{});
    log::notice("figures_reset");
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
    if (shutdown_.under_way()) return refuse("Usher stops");
    if (reload_timer_.pending()) return refuse("another reload is under way");
    if (restart_.under_way()) return refuse("a restart is under way");
    std::vector<Fault> faults;
    auto next = read_generation(options_.configuration, generation_.number + 1, faults);
    for (const Fault& fault : faults) {
      if (call) call->progress(fault.text());
    }
    if (!next) return refuse("the configuration has faults");
    if (moves(server(), next->configuration->server)) return refuse(kMoves);
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

  void follow(const std::string& failure) {
    auto next = std::exchange(next_, std::nullopt);
    if (!failure.empty()) {
      log::error("configuration_refused", {{"reason", failure}});
      return answer_reload(1, "nothing was changed: " + failure);
    }
    if (shutdown_.under_way()) return;
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
    shutdown_.begin(nullptr, false);
  }

  void close_sockets(Shutdown::Parts::Sockets which) {
    if (which == Shutdown::Parts::Sockets::all) {
      parked_.clear();
      return generation_.listening.clear();
    }
    for (std::size_t i = 0; i < generation_.listening.size(); ++i) {
      if (configuration().listeners[i].is_public()) generation_.listening[i].reset();
    }
  }

  void finish() {
    for (const char* name : {"/pool.sock", "/jobs.sock", "/control.sock"}) {
      ::unlink((server().runtime_directory + name).c_str());
    }
    log::notice("stopped");
    shutdown_.answer();
    loop_.stop();
  }

  StarterOptions options_;
  EventLoop loop_;
  Generation generation_;
  UniqueFd lock_;
  UniqueFd pool_socket_;
  UniqueFd jobs_socket_;
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
                             [this] { shutdown_.go_on(); },
                             [this](pid_t pid) { return pid == listener_.pid() || pid == pool_.pid() || publics_.owns(pid); }}};
  PublicServices publics_{loop_,
                          {[this] { service_ready(); }, [this](const std::string& reason) { public_gave_up(reason); },
                           [this](const PublicChannel& channel, UniqueFd end) { pool_.send(channel, std::move(end)); },
                           [this] { return pool_.pid(); }, [this] { workers_.look_for_orphans(); },
                           [this] { shutdown_.go_on(); }}};
  std::string owner_;  // the user in the names of jobs
  std::optional<StarterState> before_;
  Restart restart_{loop_, {listener_, pool_, workers_, [this] { return execute_starter_anew(state(), options_.configuration); }}};
  ParkedClients parked_;
  std::vector<WorkerEnded> unreported_;  // ended while no pool was there to be told

  bool reported_ready_ = false;
  EventLoop::Timer start_timer_;
  std::optional<Generation> next_;  // its template is being prepared
  Control::CallPtr reload_call_;
  EventLoop::Timer reload_timer_;  // pending: listener, pool or template are still on their way to the new generation

  Shutdown shutdown_{loop_, {listener_, pool_, workers_, publics_, [this](Shutdown::Parts::Sockets which) { close_sockets(which); }, [this] { finish(); }}};
  int exit_status_ = 0;
};

}  // namespace

int run_starter(StarterOptions options) { return Starter(std::move(options)).run(); }

}  // namespace usher
