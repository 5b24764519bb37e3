#include "server/listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "auth/sandbox.h"
#include "base/configuration.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/service_messages.h"
#include "base/system.h"
#include "handover/announcement.h"
#include "server/check_times.h"
#include "server/dispatcher.h"
#include "server/farewell.h"
#include "server/limit_keeper.h"
#include "server/listening_places.h"
#include "server/login_room.h"
#include "server/sessions.h"
#include "server/worker_places.h"
#include "server/statistics.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kEvictionTime = 1s;     // for the login process to say 904; then the visitor is shut down
constexpr std::string_view kTooMany = "Too many are logging in: try again later.";
constexpr auto kLeaveCheck = 2ms;
constexpr auto kLook = 500ms;
constexpr auto kTakenAtOnce = 100ms;   // own workers that are idle have taken a client by then: they do not say so

class Listener {
 public:
  explicit Listener(UniqueFd starter)
      : starter_(loop_, Channel(std::move(starter)), [this](Packet& packet) { hear_starter(packet); },
                 [this](const std::string&) { loop_.stop(); }) {
    starter_.take_precedence();
  }

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
  // ---- the starter ----

  void hear_starter(Packet& packet) {
    switch (static_cast<StarterSays>(packet.kind())) {
      case StarterSays::configure: return configure(packet);
      case StarterSays::listening_socket: return take_socket(packet);
      case StarterSays::peer_channel: return meet_pool(packet);
      case StarterSays::stop: return stop(packet.as<Stop>().drain);
      case StarterSays::leave: return leave();
      case StarterSays::reset_figures: return statistics_.reset();
      case StarterSays::parked_client: return take_over(packet.as<ParkedClient>(), packet.take_descriptor(0));
      case StarterSays::worker_forked:
      case StarterSays::worker_failed:
      case StarterSays::worker_ended:
      case StarterSays::public_channel:
      case StarterSays::end_public_job: break;
    }
    throw ProtocolError("the starter said something that is not for the listener");
  }

  void configure(Packet& packet) {
    const auto configure = packet.as<Configure>();
    next_generation_ = configure.generation;
    if (generation_ == 0) goes_on_ = configure.goes_on;
    const Configuration configuration = sealed_configuration(packet.take_descriptor(0).get());
    const ServerConfig& server = configuration.server;
    if (generation_ == 0) keep_service_to({server.runtime_directory + "/db", server.state_directory + "/db"});
    runtime_directory_ = configuration.server.runtime_directory;
    reserved_ = configuration.reserved;
    logins_.configure(reserved_);
    limits_.configure(configuration.limits, reserved_);
    keeper_.open(configuration.server.state_directory);
    std::vector<ListeningPlace> places;
    for (const ListenerConfig& config : configuration.listeners) {
      const PoolConfig* pool = configuration.pool(config.pool);
      const Dispatch road = configuration.road_of(config.pool);
      const bool may_wait = pool == nullptr || pool->wait;
      places.push_back({config, may_wait, networks_of(config.proxy_networks)});
      places.back().config.dispatch = road;
      if (!may_wait && road == Dispatch::own) places.back().config.pending_timeout = kTakenAtOnce;
    }
    places_.prepare(std::move(places));
    keep_workers_free(configuration.pools);
    if (places_.next_is_complete()) follow();
  }

  void keep_workers_free(const std::vector<PoolConfig>& pools) {
    std::map<std::string, std::uint32_t> most;
    for (const PoolConfig& pool : pools) {
      if (reserved_.workers_kept() > 0) most[pool.name] = pool.maximum - reserved_.workers_kept();
    }
    worker_places_.configure(std::move(most));
  }

  void take_socket(Packet& packet) {
    places_.take_socket(packet.as<ListeningSocket>().listener, packet.take_descriptor(0));
    if (places_.next_is_complete()) follow();
  }

  void follow() {
    places_.follow();
    generation_ = next_generation_;
    std::set<std::pair<std::string, Dispatch>> roads;
    for (const ListeningPlace& place : places_.all()) {
      if (!place.config.is_public()) roads.emplace(place.config.pool, place.config.dispatch);
    }
    dispatcher_.use_only(roads);
    for (const VisitorPtr& visitor : in_order_of_arrival()) {
      if (visitor->state == Visitor::State::pending) find_place(visitor);
    }
    report_ready();
  }

  // Its listener may have gone, or have another pool or another road.
  void find_place(const VisitorPtr& visitor) {
    const ListeningPlace* place = places_.named(visitor->listener);
    if (place == nullptr) return turn_away(visitor, Code::busy);
    dispatcher_.remove(*visitor);
    if (visitor->pool != place->config.pool) worker_places_.leave(*visitor);
    go_to(*place, *visitor);
    visitor->is_to_be_greeted = false;
    dispatch(visitor);
  }

  void dispatch(const VisitorPtr& visitor) {
    const bool has_place = worker_places_.enter(visitor);
    if (!has_place && !visitor->may_wait) return turn_away(visitor, Code::busy);
    has_place ? dispatcher_.add(visitor) : park(*visitor);
    if (logs_in(*visitor) && visitors_.contains(visitor->serial)) watch_for_hang_up(*visitor);
  }

  // Those behind it need not wait for one that can log in no more.
  void watch_for_hang_up(Visitor& visitor) {
    visitor.hang_up.watch(loop_, visitor.fd.get(), [this, serial = visitor.serial] {
      const VisitorPtr leaver = visitors_.at(serial);
      if (dispatcher_.withdraw(*leaver)) turn_away(leaver, Code::busy);
    });
  }

  static void go_to(const ListeningPlace& place, Visitor& visitor) {
    visitor.listener = place.config.name;
    visitor.pool = place.config.pool;
    visitor.dispatch = place.config.dispatch;
    visitor.may_wait = place.may_wait;
  }

  void meet_pool(Packet& packet) {
    if (pool_) dispatcher_.pool_is_gone();  // its end is not read yet
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
    if (std::exchange(goes_on_, false)) statistics_.go_on();
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

  void admit(const ListeningPlace& place, UniqueFd client, const Endpoint& from) {
    if (draining_) return refuse(place, std::move(client), Code::busy, default_text(Code::busy));
    Guest guest = limits_.guest(from);
    if (limits_.is_full(guest)) dispatcher_.look();       // own workers may have taken some of them
    const bool is_proxy = contains(place.proxies, from);  // it is its clients whom limits are for
    if (!is_proxy && limits_.enter(guest) != LimitReason::none) {
      return refuse(place, std::move(client), Code::address_refused, kLimitText);
    }
    const VisitorPtr visitor = make_visitor(place, std::move(client), std::move(guest), from);
    visitor->serial = visitor->guest.reserved ? ++reserved_serial_ : ++serial_;
    let_in(place, visitor);
  }

  static VisitorPtr make_visitor(const ListeningPlace& place, UniqueFd client, Guest guest, const Endpoint& from) {
    const bool plain = !place.config.tls.on() && (place.config.allow_plaintext || from.loopback());
    auto visitor = std::make_shared<Visitor>();
    visitor->is_to_be_greeted = plain && !contains(place.proxies, from);
    visitor->fd = std::move(client);
    visitor->guest = std::move(guest);
    visitor->accepted_at = Clock::now();
    go_to(place, *visitor);
    return visitor;
  }

  void let_in(const ListeningPlace& place, const VisitorPtr& visitor) {
    visitor->pending_until = visitor->accepted_at + place.config.pending_timeout;
    visitor->timer = loop_.at(visitor->pending_until, [this, serial = visitor->serial] {
      const VisitorPtr late = visitors_.at(serial);
      if (dispatcher_.withdraw(*late)) turn_away(late, Code::busy);
    });
    visitors_[visitor->serial] = visitor;
    if (logs_in(*visitor)) logins_.add(*visitor);
    visitor->counted_as_waiting = visitor->pool;
    statistics_.arrived(*visitor);
    make_room(place.config);
    if (visitors_.contains(visitor->serial)) dispatch(visitor);
    if (!logs_in(*visitor)) look_later();
  }

  // ---- clients of a listener before this one ----

  // It waited, and waits on in its old place.
  void take_over(const ParkedClient& parked, UniqueFd client) {
    if (!go_on_with(parked, std::move(client), true)) starter_.send(UnparkClient{parked.serial});
  }

  // Own workers had not taken it yet.
  void find(const OwnConnection& record, UniqueFd client) {
    go_on_with({record.serial, record.accepted_at, false, name_in(record.listener)}, std::move(client), false);
  }

  bool go_on_with(const ParkedClient& known, UniqueFd client, bool parked) try {
    const ListeningPlace* place = places_.named(known.listener.str());
    if (place == nullptr || visitors_.contains(known.serial)) return false;
    const Endpoint from = peer_of(client.get());
    Guest guest = limits_.guest(from);
    if (!contains(place->proxies, from)) limits_.enter(guest);  // it was let in then
    std::uint64_t& last = guest.reserved ? reserved_serial_ : serial_;
    last = std::max(last, known.serial);
    const VisitorPtr visitor = make_visitor(*place, std::move(client), std::move(guest), from);
    visitor->serial = known.serial;
    visitor->accepted_at = from_nanoseconds(known.accepted_at);
    visitor->greeted = known.greeted;
    visitor->is_to_be_greeted = visitor->is_to_be_greeted && !known.greeted;
    visitor->parked = parked;
    let_in(*place, visitor);
    return true;
  } catch (const std::system_error&) {
    return false;  // it has gone
  }

  // A listener that is killed here does not lose it.
  void park(Visitor& visitor) {
    if (visitor.parked || !visitor.may_wait) return;
    const ParkClient wish{visitor.serial, to_nanoseconds(visitor.accepted_at), visitor.greeted, visitor.listener};
    visitor.parked = true;
    if (starter_.send_now(wish, visitor.fd.get())) return;
    starter_.send(wish, UniqueFd(::fcntl(visitor.fd.get(), F_DUPFD_CLOEXEC, 0)));
    places_.rest();  // nobody is taken in whom the starter could not keep
  }

  void unpark(Visitor& visitor) {
    if (std::exchange(visitor.parked, false)) starter_.send(UnparkClient{visitor.serial});
  }

  // ---- clients ----

  // Own workers say nothing when they take a client.
  void look_later() {
    if (look_.pending()) return;
    look_ = loop_.after(kLook, [this] {
      if (dispatcher_.look()) look_later();
    });
  }

  // Where there is no login nobody here knows the protocol: such a client is closed.
  void refuse(const ListeningPlace& place, UniqueFd client, Code code, std::string_view text) {
    if (place.config.dispatch != Dispatch::own) farewells_.say(std::move(client), code, text);
  }

  static bool logs_in(const Visitor& visitor) { return visitor.dispatch != Dispatch::own; }

  void make_room(const ListenerConfig& listener) {
    while (const std::uint64_t serial = logins_.one_too_many(listener)) evict(serial);
  }

  // ---- what its worker says of its login ----

  void hear_of_login(Visitor& visitor, Delivery::Event event) {
    if (visitor.state != Visitor::State::taken) return;
    switch (event) {
      case Delivery::Event::client_host: return meet_client_of_proxy(visitor);
      case Delivery::Event::attempt:
        return visitor.delivery->answer(limits_.attempt(visitor.guest, visitor.delivery->subject()),
                                        check_times_.slowest(visitor.listener, Clock::now()));
      case Delivery::Event::login_failed:
      case Delivery::Event::login_succeeded:
        check_times_.note(visitor.listener, visitor.delivery->checked_ms(), Clock::now());
        return event == Delivery::Event::login_failed ? limits_.failed(visitor.guest) : limits_.succeeded(visitor.guest);
      case Delivery::Event::taken:
      case Delivery::Event::no_room:
      case Delivery::Event::login_over:
      case Delivery::Event::lost: return;
    }
  }

  void meet_client_of_proxy(Visitor& visitor) {
    const auto client = endpoint_of(visitor.delivery->subject(), 0);
    if (!client) return;
    logins_.remove(visitor);
    limits_.leave(visitor.guest);
    visitor.guest = limits_.guest(*client);
    logins_.add(visitor);
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

  // Its worker's login process says 904; one that nobody has taken yet, or whose worker does not come to it, hears it from here.
  void evict(std::uint64_t serial) {
    const VisitorPtr visitor = visitors_.at(serial);
    log::notice("login_evicted", {{"listener", visitor->listener}, {"network", visitor->guest.network}});
    if (dispatcher_.withdraw(*visitor)) return turn_away(visitor, Code::too_slow);
    if (!visitors_.contains(serial)) return;
    logins_.remove(*visitor);
    visitor->state = Visitor::State::evicted;
    if (visitor->delivery) visitor->delivery->evict();
    visitor->timer = loop_.after(kEvictionTime, [this, serial] {
      const VisitorPtr late = visitors_.at(serial);
      const ListeningPlace* const place = places_.named(late->listener);
      if (place != nullptr && !place->config.tls.on()) Farewells::send_line(late->fd.get(), Code::too_slow, kTooMany);
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
    farewells_.say(std::move(client), code, code == Code::too_slow ? kTooMany : default_text(code));
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
    unpark(*visitor);
    dispatcher_.remove(*visitor);
    logins_.remove(*visitor);
    visitors_.erase(visitor->serial);
  }

  void leave(Visitor& visitor) {
    limits_.leave(visitor.guest);
    worker_places_.leave(visitor);
  }

  HandOver control_record(const Visitor& visitor) const {
    return {places_.number_of(visitor.listener), generation_, to_nanoseconds(visitor.accepted_at), visitor.greeted};
  }

  std::vector<VisitorPtr> in_order_of_arrival() const {
    std::vector<VisitorPtr> all;
    for (const auto& [serial, visitor] : visitors_) all.push_back(visitor);
    std::sort(all.begin(), all.end(), [](const auto& one, const auto& other) { return one->serial < other->serial; });
    return all;
  }

  // ---- the end ----

  void stop(bool drain) {
    draining_ = drain;
    if (!drain) places_.close();
    for (const VisitorPtr& visitor : in_order_of_arrival()) {
      if (dispatcher_.withdraw(*visitor)) turn_away(visitor, Code::busy);
    }
  }

  // Clients that no worker has taken yet would be lost. New ones wait in the backlog for the next listener.
  void leave() {
    places_.stop_accepting();
    dispatcher_.look();
    const bool held = std::any_of(visitors_.begin(), visitors_.end(), [](const auto& entry) {
      return entry.second->state == Visitor::State::pending || entry.second->state == Visitor::State::handed_over;
    });
    if (!held && farewells_.empty() && !places_.gives_up()) {
      statistics_.write();
      return loop_.stop();
    }
    leave_ = loop_.after(kLeaveCheck, [this] { leave(); });
  }

  EventLoop loop_;
  Link starter_;
  std::unique_ptr<Link> pool_;
  Gate pool_gate_{kPoolAnnouncements};
  std::string runtime_directory_;
  std::uint32_t generation_ = 0;
  std::uint32_t next_generation_ = 0;
  bool goes_on_ = false;  // from what the listener before this one has counted

  ListeningPlaces places_{loop_,
                          {[this](const ListeningPlace& place, UniqueFd client, const Endpoint& from) {
                             admit(place, std::move(client), from);
                           },
                           [this](const ListeningPlace& place, UniqueFd client) {
                             refuse(place, std::move(client), Code::busy, default_text(Code::busy));
                           },
                           [this] { return starter_.waiting() == 0; }}};
  Farewells farewells_{loop_};
  Limits limits_{[this](LimitKind kind, const std::string& name) { keeper_.note(kind, name); }, wall_clock_ms};
  LimitKeeper keeper_{loop_, limits_};
  CheckTimes check_times_;
  ReservedConfig reserved_;
  LoginRoom logins_;
  WorkerPlaces worker_places_{[this](const VisitorPtr& visitor) { dispatcher_.add(visitor); }};
  Sessions sessions_{[this](Visitor& visitor) { leave(visitor); }};
  std::unordered_map<std::uint64_t, VisitorPtr> visitors_;  // by serial
  // No listener since the start of Usher has given the same: each begins with the time.
  std::uint64_t reserved_serial_ = static_cast<std::uint64_t>(to_nanoseconds(Clock::now()));
  std::uint64_t serial_ = (std::uint64_t{1} << 63U) + reserved_serial_;
  bool draining_ = false;
  EventLoop::Timer leave_;
  EventLoop::Timer look_;
  Dispatcher dispatcher_{loop_,
                         {[this](const Visitor& visitor) { return control_record(visitor); },
                          greet,
                          [this](const SpawnWorker& wish, UniqueFd end) { return ask_pool(wish, std::move(end)); },
                          [this] {
                            if (pool_) pool_->hear_now();
                            return pool_ != nullptr;
                          },
                          [this](const VisitorPtr& visitor, Delivery::Event event) { hear_of_login(*visitor, event); },
                          [this](const VisitorPtr& visitor) { find_place(visitor); },
                          [this](const VisitorPtr& visitor) { end_login(visitor); },
                          [this](const VisitorPtr& visitor) { turn_away(visitor, Code::busy); },
                          [this](const VisitorPtr& visitor) { statistics_.taken(*visitor); },
                          [this](const std::string& pool, std::size_t clients) { statistics_.wait_for_own_workers(pool, clients); },
                          [this](Visitor& visitor) { park(visitor); },
                          [this](Visitor& visitor) { unpark(visitor); },
                          [this](const OwnConnection& record, UniqueFd client) { find(record, std::move(client)); }}};
  ListenerStatistics statistics_{loop_, dispatcher_.registry()};
};

}  // namespace

int run_listener(UniqueFd starter) { return Listener(std::move(starter)).run(); }

}  // namespace usher
