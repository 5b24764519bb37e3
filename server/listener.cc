#include "server/listener.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/configuration.h"
#include "base/endpoint.h"
#include "base/log.h"
#include "base/service_messages.h"
#include "base/system.h"
#include "handover/announcement.h"
#include "server/admission.h"
#include "server/dispatcher.h"
#include "server/farewell.h"
#include "server/statistics.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr int kAcceptsARound = 64;
constexpr auto kPause = 100ms;         // when there is no descriptor or memory for another client
constexpr auto kEvictionTime = 1s;     // for the login process to say 904; then the visitor is shut down
constexpr auto kComplaintEvery = 60s;
constexpr auto kLeaveCheck = 2ms;

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM; }

class Listener {
 public:
  explicit Listener(UniqueFd starter)
      : starter_(loop_, Channel(std::move(starter)), [this](Packet& packet) { hear_starter(packet); },
                 [this](const std::string&) { loop_.stop(); }) {}

  int run() {
    try {
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
    auto result = parse_configuration(unseal_configuration(packet.take_descriptor(0).get()));
    if (!result.ok()) throw Error(ErrorCode::configuration, "the configuration has faults");
    runtime_directory_ = result.configuration.server.runtime_directory;
    next_.clear();
    for (const ListenerConfig& config : result.configuration.listeners) {
      const PoolConfig* pool = result.configuration.pool(config.pool);
      next_.push_back({config, pool == nullptr || pool->wait, {}, {}});
    }
    if (next_is_complete()) follow();
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
    go_to(*place, *visitor);
    dispatcher_.add(visitor);
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
        [this](const std::string&) {
          pool_.reset();
          dispatcher_.pool_is_gone();
        },
        1);
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
      if (client) {
        admit(place, std::move(client), endpoint_from(peer, length).network());
      } else if (errno == EAGAIN) {
        return;
      } else if (is_shortage(errno)) {
        return pause(errno);
      }
    }
  }

  // The clients stay in the backlog meanwhile.
  void pause(int error) {
    for (Place& place : places_) place.watch.end();
    if (Clock::now() >= next_complaint_) {
      log::error("accept_paused", {{"reason", std::generic_category().message(error)}});
      next_complaint_ = Clock::now() + kComplaintEvery;
    }
    resume_ = loop_.after(kPause, [this] {
      for (std::size_t i = 0; i < places_.size(); ++i) watch_place(i);
    });
  }

  void admit(const Place& place, UniqueFd client, const std::string& network) {
    if (draining_) return farewells_.say(std::move(client), Code::busy, default_text(Code::busy));
    const auto visitor = std::make_shared<Visitor>();
    visitor->serial = ++serial_;
    visitor->fd = std::move(client);
    visitor->network = network;
    go_to(place, *visitor);
    visitor->accepted_at = Clock::now();
    visitor->pending_until = visitor->accepted_at + place.config.pending_timeout;
    visitor->timer = loop_.at(visitor->pending_until, [this, serial = visitor->serial] {
      const VisitorPtr late = visitors_.at(serial);
      if (dispatcher_.withdraw(*late)) turn_away(late, Code::busy);
    });
    visitors_[visitor->serial] = visitor;
    admission_.add(visitor->listener, network, visitor->serial);
    visitor->counted_as_waiting = visitor->pool;
    statistics_.arrived(*visitor);
    while (admission_.count(visitor->listener) > place.config.max_logins) evict(admission_.victim(visitor->listener));
    if (visitors_.contains(visitor->serial)) dispatcher_.add(visitor);
  }

  // A proxy has said whom it connects for.
  void count_under(Visitor& visitor, const std::string& network) {
    if (visitor.state != Visitor::State::taken) return;
    admission_.remove(visitor.listener, visitor.network, visitor.serial);
    visitor.network = network;
    admission_.add(visitor.listener, visitor.network, visitor.serial);
  }

  // Its worker's login process says 904; one that nobody has taken yet hears it from here.
  void evict(std::uint64_t serial) {
    const VisitorPtr visitor = visitors_.at(serial);
    log::notice("login_evicted", {{"listener", visitor->listener}, {"network", visitor->network}});
    if (dispatcher_.withdraw(*visitor)) return turn_away(visitor, Code::too_slow);
    if (!visitors_.contains(serial)) return;
    admission_.remove(visitor->listener, visitor->network, serial);
    visitor->state = Visitor::State::evicted;
    if (visitor->delivery) visitor->delivery->evict();
    visitor->timer = loop_.after(kEvictionTime, [this, serial] {
      const VisitorPtr late = visitors_.at(serial);
      ::shutdown(late->fd.get(), SHUT_RDWR);
      let_go(late);
    });
  }

  void turn_away(const VisitorPtr& visitor, Code code) {
    if (code == Code::busy) log::notice("busy", {{"listener", visitor->listener}, {"network", visitor->network}});
    statistics_.refused(*visitor, code);
    UniqueFd client = std::move(visitor->fd);
    let_go(visitor);
    const bool too_many = code == Code::too_slow;
    farewells_.say(std::move(client), code, too_many ? "Too many are logging in: try again later." : default_text(code));
  }

  void let_go(const VisitorPtr& visitor) {
    visitor->timer.end();
    statistics_.left(*visitor);
    dispatcher_.remove(*visitor);
    admission_.remove(visitor->listener, visitor->network, visitor->serial);
    visitors_.erase(visitor->serial);
  }

  HandOver control_record(const Visitor& visitor) const {
    HandOver record;
    record.generation = generation_;
    record.accepted_at = to_nanoseconds(visitor.accepted_at);
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
  Admission admission_;
  std::map<std::uint64_t, VisitorPtr> visitors_;
  std::uint64_t serial_ = 0;
  EventLoop::Timer resume_;
  bool draining_ = false;
  bool leaving_ = false;
  EventLoop::Timer leave_;
  Instant next_complaint_{};
  Dispatcher dispatcher_{loop_,
                         {[this](const Visitor& visitor) { return control_record(visitor); },
                          [this](const SpawnWorker& wish, UniqueFd end) { return ask_pool(wish, std::move(end)); },
                          [this] {
                            if (pool_) pool_->hear_now();
                          },
                          [this](const VisitorPtr& visitor, const std::string& network) { count_under(*visitor, network); },
                          [this](const VisitorPtr& visitor) { find_place(visitor); },
                          [this](const VisitorPtr& visitor) { let_go(visitor); },
                          [this](const VisitorPtr& visitor) { turn_away(visitor, Code::busy); },
                          [this](const VisitorPtr& visitor) { statistics_.taken(*visitor); }}};
  ListenerStatistics statistics_{loop_, dispatcher_.registry()};
};

}  // namespace

int run_listener(UniqueFd starter) { return Listener(std::move(starter)).run(); }

}  // namespace usher
