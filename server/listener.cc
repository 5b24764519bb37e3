#include "server/listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "auth/sandbox.h"
#include "base/configuration.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/service_messages.h"
#include "base/shortage.h"
#include "base/system.h"
#include "handover/announcement.h"
#include "server/admission.h"
#include "server/dispatcher.h"
#include "server/farewell.h"
#include "server/limit_keeper.h"
#include "server/sessions.h"
#include "server/worker_places.h"
#include "server/statistics.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptsARound = 64;
constexpr unsigned kMarginsKept = 2;    // one for channels to workers, one for all else
constexpr auto kPause = 100ms;         // when there is no descriptor or memory for another client
constexpr auto kEvictionTime = 1s;     // for the login process to say 904; then the visitor is shut down
constexpr auto kLeaveCheck = 2ms;

class Listener {
 public:
  explicit Listener(UniqueFd starter)
      : starter_(loop_, Channel(std::move(starter)), [this](Packet& packet) { hear_starter(packet); },
                 [this](const std::string&) { loop_.stop(); }) {}

  int run() {
    try {
      confine_service();
      loop_.run();
      return 0;
    } catch (const std::exception& error) {
      log::error("listener_failed", {{"reason", error.what()}});
      starter_.send(ServiceFailed{error.what()});
      return 1;
    }
  }

 private:
  // One listener of the configuration, with its socket.
  struct Place {
    ListenerConfig config;
    bool may_wait = true;
    std::vector<Network> proxies;
    UniqueFd socket;
    EventLoop::Watch watch;
  };

  // ---- the starter ----

  void hear_starter(Packet& packet) {
    switch (static_cast<StarterSays>(packet.kind())) {
      case StarterSays::configure: return configure(packet);
      case StarterSays::listening_socket: return take_socket(packet);
      case StarterSays::peer_channel: return meet_pool(packet);
      case StarterSays::stop: return stop(packet.as<Stop>().drain);
      case StarterSays::leave: return leave();
      case StarterSays::worker_forked:
      case StarterSays::worker_failed:
      case StarterSays::worker_ended:
      case StarterSays::public_channel:
      case StarterSays::end_public_job: break;
    }
    throw ProtocolError("the starter said something that is not for the listener");
  }

  void configure(Packet& packet) {
    next_generation_ = packet.as<Configure>().generation;
    const Configuration configuration = sealed_configuration(packet.take_descriptor(0).get());
    const ServerConfig& server = configuration.server;
    if (generation_ == 0) keep_service_to({server.runtime_directory + "/db", server.state_directory + "/db"});
    runtime_directory_ = configuration.server.runtime_directory;
    reserved_ = configuration.reserved;
    limits_.configure(configuration.limits, reserved_);
    keeper_.open(configuration.server.state_directory);
    next_.clear();
    for (const ListenerConfig& config : configuration.listeners) {
      const PoolConfig* pool = configuration.pool(config.pool);
      const Dispatch road = configuration.road_of(config.pool);
      const bool may_wait = pool == nullptr || pool->wait || road == Dispatch::own;
      next_.push_back({config, may_wait, networks_of(config.proxy_networks), {}, {}});
      next_.back().config.dispatch = road;
    }
    keep_workers_free(configuration.pools);
    if (next_is_complete()) follow();
  }

  void keep_workers_free(const std::vector<PoolConfig>& pools) {
    std::map<std::string, std::uint32_t> most;
    for (const PoolConfig& pool : pools) {
      if (reserved_.workers_kept() > 0) most[pool.name] = pool.maximum - reserved_.workers_kept();
    }
    worker_places_.configure(std::move(most));
  }

  void take_socket(Packet& packet) {
    next_.at(packet.as<ListeningSocket>().listener).socket = packet.take_descriptor(0);
    if (next_is_complete()) follow();
  }

  // With the last socket the new configuration is in force. Public listeners have theirs elsewhere.
  bool next_is_complete() const {
    return std::all_of(next_.begin(), next_.end(), [](const Place& place) { return place.socket || place.config.is_public(); });
  }

  void follow() {
    places_ = std::exchange(next_, {});
    generation_ = next_generation_;
    for (std::size_t i = 0; i < places_.size(); ++i) watch_place(i);
    std::set<std::pair<std::string, Dispatch>> roads;
    for (const Place& place : places_) {
      if (!place.config.is_public()) roads.emplace(place.config.pool, place.config.dispatch);
    }
    dispatcher_.use_only(roads);
    const auto all = visitors_;
    for (const auto& [serial, visitor] : all) {
      if (visitor->state == Visitor::State::pending) find_place(visitor);
    }
    report_ready();
  }

  // Its listener may have gone, or have another pool or another road.
  void find_place(const VisitorPtr& visitor) {
    const auto place = std::find_if(places_.begin(), places_.end(),
                                    [&](const Place& other) { return other.socket && other.config.name == visitor->listener; });
    if (place == places_.end()) return turn_away(visitor, Code::busy);
    dispatcher_.remove(*visitor);
    if (visitor->pool != place->config.pool) worker_places_.leave(*visitor);
    go_to(*place, *visitor);
    visitor->is_to_be_greeted = false;
    dispatch(visitor);
  }

  void dispatch(const VisitorPtr& visitor) {
    const bool has_place = worker_places_.enter(visitor);
    if (!has_place && !visitor->may_wait) return turn_away(visitor, Code::busy);
    if (has_place) dispatcher_.add(visitor);
    if (logs_in(*visitor) && visitors_.contains(visitor->serial)) watch_for_hang_up(*visitor);
  }

  // Those behind it need not wait for one that can log in no more.
  void watch_for_hang_up(Visitor& visitor) {
    visitor.hang_up.watch(loop_, visitor.fd.get(), [this, serial = visitor.serial] {
      const VisitorPtr leaver = visitors_.at(serial);
      if (dispatcher_.withdraw(*leaver)) turn_away(leaver, Code::busy);
    });
  }

  static void go_to(const Place& place, Visitor& visitor) {
    visitor.listener = place.config.name;
    visitor.pool = place.config.pool;
    visitor.dispatch = place.config.dispatch;
    visitor.may_wait = place.may_wait;
  }

  void watch_place(std::size_t index) {
    if (leaving_) return;
    Place& place = places_[index];
    if (!place.socket) return;
    place.watch = loop_.watch(place.socket.get(), EPOLLIN, [this, index](std::uint32_t) { accept(places_[index]); });
  }

  void meet_pool(Packet& packet) {
    pool_ = std::make_unique<Link>(
        loop_, Channel(packet.take_descriptor(0)), [this](Packet& said) { hear_pool(said); },
        [this](const std::string& why) {
          // Nobody makes a channel anew between two that live: a listener that is started anew gets one.
          if (why != "it is gone") throw std::runtime_error("the channel to the pool: " + why);
          pool_.reset();
          dispatcher_.pool_is_gone();
        },
        2);
    pool_gate_ = Gate(kPoolAnnouncements);
  }

  void hear_pool(Packet& packet) {
    pool_gate_.check(packet, PoolState::known);
    dispatcher_.meet_pool(runtime_directory_);
    switch (static_cast<PoolTellsListener>(packet.kind())) {
      case PoolTellsListener::worker_channel:
        return dispatcher_.worker_channel(packet.as<WorkerChannel>(), Channel(packet.take_descriptor(0)));
      case PoolTellsListener::shared_channel:
        return dispatcher_.shared_channel(packet.as<SharedChannel>(), Channel(packet.take_descriptor(0)));
      case PoolTellsListener::shared_ready: return dispatcher_.shared_ready(packet.as<SharedReady>());
      case PoolTellsListener::own_channel:
        return dispatcher_.own_channel(packet.as<OwnChannel>(), Channel(packet.take_descriptor(0)),
                                       Channel(packet.take_descriptor(1)));
      case PoolTellsListener::introduced: break;
    }
    dispatcher_.introduced();
    report_ready();
  }

  bool ask_pool(const SpawnWorker& wish, UniqueFd workers_end) {
    if (pool_) pool_->send(wish, std::move(workers_end));
    return pool_ != nullptr;
  }

  void report_ready() {
    if (dispatcher_.opened() && generation_ != 0) starter_.send(ServiceReady{generation_});
  }

  // ---- clients ----

  void accept(const Place& place) {
    for (int i = 0; i < kAcceptsARound; ++i) {
      sockaddr_storage peer{};
      socklen_t length = sizeof peer;
      UniqueFd client(::accept4(place.socket.get(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_CLOEXEC));  // NOLINT
      const bool is_last = client && is_one_of_the_last(client.get(), kMarginsKept);
      if (client) {
        admit(place, std::move(client), endpoint_from(peer, length));
      } else if (errno == EAGAIN) {
        return;
      } else if (is_shortage(errno)) {
        return pause(errno);
      }
      if (is_last) return pause(EMFILE);
    }
  }

  // The clients stay in the backlog meanwhile.
  void pause(int error) {
    for (Place& place : places_) place.watch.end();
    complaint_.tell("accept_paused", {{"reason", std::generic_category().message(error)}});
    resume_ = loop_.after(kPause, [this] { resume(); });
  }

  void resume() {
    const UniqueFd probe(::fcntl(starter_.fd(), F_DUPFD_CLOEXEC, 0));
    if (!probe || is_one_of_the_last(probe.get(), kMarginsKept)) return pause(EMFILE);
    for (std::size_t i = 0; i < places_.size(); ++i) watch_place(i);
  }

  void admit(const Place& place, UniqueFd client, const Endpoint& from) {
    if (draining_) return refuse(place, std::move(client), Code::busy, default_text(Code::busy));
    Guest guest = limits_.guest(from);
    const bool is_proxy = contains(place.proxies, from);  // it is its clients whom limits are for
    if (!is_proxy && limits_.enter(guest) != LimitReason::none) {
      return refuse(place, std::move(client), Code::address_refused, kLimitText);
    }
    const auto visitor = std::make_shared<Visitor>();
    visitor->is_to_be_greeted = !place.config.tls.on() && !is_proxy && (place.config.allow_plaintext || from.loopback());
    visitor->serial = guest.reserved ? ++reserved_serial_ : ++serial_;
    visitor->fd = std::move(client);
    visitor->guest = std::move(guest);
    go_to(place, *visitor);
    visitor->accepted_at = Clock::now();
    visitor->pending_until = visitor->accepted_at + place.config.pending_timeout;
    visitor->timer = loop_.at(visitor->pending_until, [this, serial = visitor->serial] {
      const VisitorPtr late = visitors_.at(serial);
      if (dispatcher_.withdraw(*late)) turn_away(late, Code::busy);
    });
    visitors_[visitor->serial] = visitor;
    if (logs_in(*visitor)) logins_of(*visitor).add(visitor->listener, visitor->guest.network, visitor->serial);
    visitor->counted_as_waiting = visitor->pool;
    statistics_.arrived(*visitor);
    make_room(place.config);
    if (visitors_.contains(visitor->serial)) dispatch(visitor);
  }

  // Where there is no login nobody here knows the protocol: such a client is closed.
  void refuse(const Place& place, UniqueFd client, Code code, std::string_view text) {
    if (place.config.dispatch != Dispatch::own) farewells_.say(std::move(client), code, text);
  }

  static bool logs_in(const Visitor& visitor) { return visitor.dispatch != Dispatch::own; }

  Admission& logins_of(const Visitor& visitor) { return visitor.guest.reserved ? reserved_logins_ : logins_; }

  void forget_login(const Visitor& visitor) {
    logins_of(visitor).remove(visitor.listener, visitor.guest.network, visitor.serial);
  }

  // Those from reserved networks make way only for each other.
  void make_room(const ListenerConfig& place) {
    while (true) {
      const std::size_t reserved = reserved_logins_.count(place.name);
      const std::size_t kept = std::max<std::size_t>(reserved, reserved_.logins_kept());
      const std::size_t others = place.max_logins - std::min<std::size_t>(place.max_logins, kept);
      if (logins_.count(place.name) > others) {
        evict(logins_.victim(place.name));
      } else if (reserved > place.max_logins) {
        evict(reserved_logins_.victim(place.name));
      } else {
        return;
      }
    }
  }

  // ---- what its worker says of its login ----

  void hear_of_login(Visitor& visitor, Delivery::Event event) {
    if (visitor.state != Visitor::State::taken) return;
    switch (event) {
      case Delivery::Event::client_host: return meet_client_of_proxy(visitor);
      case Delivery::Event::attempt: return visitor.delivery->answer(limits_.attempt(visitor.guest, visitor.delivery->subject()));
      case Delivery::Event::login_failed: return limits_.failed(visitor.guest);
      case Delivery::Event::login_succeeded: return limits_.succeeded(visitor.guest);
      case Delivery::Event::taken:
      case Delivery::Event::no_room:
      case Delivery::Event::login_over:
      case Delivery::Event::lost: return;
    }
  }

  void meet_client_of_proxy(Visitor& visitor) {
    const auto client = endpoint_of(visitor.delivery->subject(), 0);
    if (!client) return;
    forget_login(visitor);
    limits_.leave(visitor.guest);
    visitor.guest = limits_.guest(*client);
    logins_of(visitor).add(visitor.listener, visitor.guest.network, visitor.serial);
    if (visitor.guest.reserved) worker_places_.leave(visitor);
    visitor.delivery->answer(limits_.enter(visitor.guest));
  }

  // It goes on counting as long as its session lasts, where anything depends on that.
  void end_login(const VisitorPtr& visitor) {
    std::unique_ptr<Delivery> delivery = std::move(visitor->delivery);
    const bool is_session = delivery && !delivery->lost() && visitor->state == Visitor::State::taken;
    if (!is_session || (!visitor->guest.counted && reserved_.workers_kept() == 0)) return let_go(visitor);
    release(visitor);
    visitor->fd.reset();
    sessions_.add(visitor, std::move(delivery));
  }

  // Its worker's login process says 904; one that nobody has taken yet hears it from here.
  void evict(std::uint64_t serial) {
    const VisitorPtr visitor = visitors_.at(serial);
    log::notice("login_evicted", {{"listener", visitor->listener}, {"network", visitor->guest.network}});
    if (dispatcher_.withdraw(*visitor)) return turn_away(visitor, Code::too_slow);
    if (!visitors_.contains(serial)) return;
    forget_login(*visitor);
    visitor->state = Visitor::State::evicted;
    if (visitor->delivery) visitor->delivery->evict();
    visitor->timer = loop_.after(kEvictionTime, [this, serial] {
      const VisitorPtr late = visitors_.at(serial);
      ::shutdown(late->fd.get(), SHUT_RDWR);
      let_go(late);
    });
  }

  void turn_away(const VisitorPtr& visitor, Code code) {
    if (code == Code::busy) log::notice("busy", {{"listener", visitor->listener}, {"network", visitor->guest.network}});
    statistics_.refused(*visitor, code);
    UniqueFd client = std::move(visitor->fd);
    let_go(visitor);
    if (!logs_in(*visitor)) return;  // whose protocol it is nobody here knows: it is closed
    const bool too_many = code == Code::too_slow;
    farewells_.say(std::move(client), code, too_many ? "Too many are logging in: try again later." : default_text(code));
  }

  void let_go(const VisitorPtr& visitor) {
    release(visitor);
    leave(*visitor);
  }

  // It is logging in no more.
  void release(const VisitorPtr& visitor) {
    visitor->timer.end();
    visitor->hang_up.end();
    statistics_.left(*visitor);
    dispatcher_.remove(*visitor);
    forget_login(*visitor);
    visitors_.erase(visitor->serial);
  }

  void leave(Visitor& visitor) {
    limits_.leave(visitor.guest);
    worker_places_.leave(visitor);
  }

  // The client need not wait for its first prompt until its worker is awake.
  static void greet(Visitor& visitor) {
    if (!std::exchange(visitor.is_to_be_greeted, false)) return;
    const std::string line = reply_line(Code::ask_user);
    visitor.greeted = ::send(visitor.fd.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
  }

  HandOver control_record(const Visitor& visitor) const {
    HandOver record;
    record.generation = generation_;
    record.accepted_at = to_nanoseconds(visitor.accepted_at);
    record.greeted = visitor.greeted;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i].config.name == visitor.listener) record.listener = static_cast<std::uint16_t>(i);
    }
    return record;
  }

  // ---- the end ----

  void stop(bool drain) {
    draining_ = drain;
    if (!drain) {
      stop_accepting();
      places_.clear();
    }
    const auto all = visitors_;
    for (const auto& [serial, visitor] : all) {
      if (dispatcher_.withdraw(*visitor)) turn_away(visitor, Code::busy);
    }
  }

  void stop_accepting() {
    leaving_ = true;
    for (Place& place : places_) place.watch.end();
    resume_.end();
  }

  // Clients that no worker has taken yet would be lost. New ones wait in the backlog for the next listener.
  void leave() {
    stop_accepting();
    dispatcher_.look();
    const bool held = std::any_of(visitors_.begin(), visitors_.end(), [](const auto& entry) {
      return entry.second->state == Visitor::State::pending || entry.second->state == Visitor::State::handed_over;
    });
    if (!held && farewells_.empty()) return loop_.stop();
    leave_ = loop_.after(kLeaveCheck, [this] { leave(); });
  }

  EventLoop loop_;
  Link starter_;
  std::unique_ptr<Link> pool_;
  Gate pool_gate_{kPoolAnnouncements};
  std::string runtime_directory_;
  std::vector<Place> places_;
  std::uint32_t generation_ = 0;
  std::vector<Place> next_;
  std::uint32_t next_generation_ = 0;

  Farewells farewells_{loop_};
  Limits limits_{[this](LimitKind kind, const std::string& name) { keeper_.note(kind, name); }, wall_clock_ms};
  LimitKeeper keeper_{loop_, limits_};
  ReservedConfig reserved_;
  Admission logins_;
  Admission reserved_logins_;
  WorkerPlaces worker_places_{[this](const VisitorPtr& visitor) { dispatcher_.add(visitor); }};
  Sessions sessions_{[this](Visitor& visitor) { leave(visitor); }};
  std::map<std::uint64_t, VisitorPtr> visitors_;
  std::uint64_t serial_ = std::uint64_t{1} << 63U;
  std::uint64_t reserved_serial_ = 0;
  EventLoop::Timer resume_;
  Complaint complaint_;
  bool draining_ = false;
  bool leaving_ = false;
  EventLoop::Timer leave_;
  Dispatcher dispatcher_{loop_,
                         {[this](const Visitor& visitor) { return control_record(visitor); },
                          [](Visitor& visitor) { greet(visitor); },
                          [this](const SpawnWorker& wish, UniqueFd end) { return ask_pool(wish, std::move(end)); },
                          [this] {
                            if (pool_) pool_->hear_now();
                          },
                          [this](const VisitorPtr& visitor, Delivery::Event event) { hear_of_login(*visitor, event); },
                          [this](const VisitorPtr& visitor) { find_place(visitor); },
                          [this](const VisitorPtr& visitor) { end_login(visitor); },
                          [this](const VisitorPtr& visitor) { turn_away(visitor, Code::busy); },
                          [this](const VisitorPtr& visitor) { statistics_.taken(*visitor); }}};
  ListenerStatistics statistics_{loop_, dispatcher_.registry()};
};

}  // namespace

int run_listener(UniqueFd starter) { return Listener(std::move(starter)).run(); }

}  // namespace usher
