#include "server/dispatcher.h"

#include <algorithm>

#include "server/own_road.h"
#include "server/queue_road.h"
#include "server/shared_road.h"
#include "server/spawn_road.h"

namespace usher {

using namespace std::chrono_literals;
using State = Visitor::State;

namespace {

constexpr unsigned kAtOnce = 3;  // new attempts after workers that died; later ones after growing pauses

Clock::duration pause_after(unsigned attempts) { return std::min<Clock::duration>(5ms * (1U << (attempts - kAtOnce)), 1s); }

}  // namespace

// ---- clients ----

void Dispatcher::add(const VisitorPtr& visitor) {
  visitor->state = State::pending;
  Line& line = line_of(*visitor);
  line.pending.emplace_hint(line.pending.end(), visitor->serial, visitor);
  if (is_open({visitor->pool, visitor->dispatch}) && line.pending.size() == 1 && line.road->prepared()) line.road->dispatch(line.pending);
  if (line.pending.empty()) return;
  callbacks_.park(*visitor);  // before the next one is accepted: a listener that is killed loses one client at the most
  schedule(line);
}

bool Dispatcher::withdraw(Visitor& visitor) {
  if (visitor.state == State::pending) return true;
  if (visitor.state != State::handed_over || !line_of(visitor).road->withdraw(visitor)) return false;
  visitor.state = State::pending;
  line_of(visitor).road->settled(visitor);
  visitor.delivery.reset();
  return true;
}

void Dispatcher::remove(Visitor& visitor) {
  Line& line = line_of(visitor);
  if (visitor.state == State::pending) line.pending.erase(visitor.serial);
  line.road->settled(visitor);
  visitor.delivery.reset();
}

std::size_t Dispatcher::pending() const {
  std::size_t count = 0;
  for (const auto& [key, line] : lines_) count += line.pending.size();
  return count;
}

// ---- the pool ----

void Dispatcher::meet_pool(const std::string& runtime_directory) {
  if (!registry_) registry_.emplace(runtime_directory, Registry::Open::existing);
}

void Dispatcher::worker_channel(const WorkerChannel& worker, Channel channel) {
  road<QueueRoad>(worker.pool.str(), Dispatch::queue).announce(JobId{worker.id}, std::move(channel));
  had_worker({worker.pool.str(), Dispatch::queue});
}

void Dispatcher::shared_channel(const SharedChannel& shared, Channel channel) {
  road<SharedRoad>(shared.pool.str(), Dispatch::shared).connect(std::move(channel));
}

void Dispatcher::shared_ready(const SharedReady& ready) {
  road<SharedRoad>(ready.pool.str(), Dispatch::shared).set_idle(ready.idle);
  if (ready.idle > 0) had_worker({ready.pool.str(), Dispatch::shared});
}

void Dispatcher::own_channel(const OwnChannel& own, Channel channel, Channel workers_end) {
  road<OwnRoad>(own.pool.str(), Dispatch::own).connect(std::move(channel), std::move(workers_end));
}

bool Dispatcher::look() {
  bool more = false;
  for (auto& [key, line] : lines_) {
    if (key.second != Dispatch::own) continue;
    const std::size_t waiting = line.road->look() + line.pending.size();
    callbacks_.wait_for_own_workers(key.first, waiting);
    more = more || waiting > 0;
  }
  return more;
}

void Dispatcher::introduced() {
  opened_ = true;
  first_worker_ = loop_.after(kFirstWorker, [this] { schedule_all(); });
  schedule_all();
}

void Dispatcher::pool_is_gone() {
  opened_ = false;
  first_worker_.end();
  for (auto& [key, line] : lines_) {
    line.has_had_worker = false;
    line.road->pool_is_gone();
  }
}

void Dispatcher::use_only(const std::set<LineKey>& roads) {
  for (auto& [key, line] : lines_) {
    if (!roads.contains(key)) line.road->pool_is_gone();
  }
}

// ---- lines ----

Dispatcher::Line& Dispatcher::line(const LineKey& key) {
  Line& line = lines_[key];
  if (!line.road) line.road = make_road(key);
  return line;
}

template <class R>
R& Dispatcher::road(const std::string& pool, Dispatch dispatch) {
  return static_cast<R&>(*line({pool, dispatch}).road);
}

std::unique_ptr<Road> Dispatcher::make_road(const LineKey& key) {
  RoadServices services{loop_, callbacks_.control_record, callbacks_.greet,
                        [this](const VisitorPtr& visitor, std::unique_ptr<Delivery> delivery) {
                          handed_over(visitor, std::move(delivery));
                        },
                        [this, key] { schedule(lines_.at(key)); },
                        callbacks_.hear_pool,
                        [this](const VisitorPtr& visitor) { add(visitor); },
                        [this](const VisitorPtr& visitor) {
                          callbacks_.taken(visitor);
                          callbacks_.login_over(visitor);
                        },
                        callbacks_.park,
                        callbacks_.unpark,
                        callbacks_.found};
  switch (key.second) {
    case Dispatch::queue: return std::make_unique<QueueRoad>(std::move(services), registry_, key.first);
    case Dispatch::shared: return std::make_unique<SharedRoad>(std::move(services));
    case Dispatch::spawn: return std::make_unique<SpawnRoad>(std::move(services), key.first, callbacks_.ask_pool);
    case Dispatch::own: return std::make_unique<OwnRoad>(std::move(services));
  }
  throw std::logic_error("a road that is none");
}

// Once a round, however many clients came in it.
void Dispatcher::schedule(Line& line) {
  line.due = true;
  if (std::exchange(scheduled_, true)) return;
  loop_.defer([this] { run(); });
}

void Dispatcher::schedule_all() {
  for (auto& [key, line] : lines_) schedule(line);
}

void Dispatcher::run() {
  scheduled_ = false;
  for (auto& [key, line] : lines_) {
    if (!std::exchange(line.due, false)) continue;
    if (!is_open(key)) continue;
    line.road->dispatch(line.pending);
    turn_away_impatient(line);
  }
}

// The newest in line, but for as many as a worker is certain for.
void Dispatcher::turn_away_impatient(Line& line) {
  if (!line.has_had_worker && first_worker_.pending()) return;
  while (line.pending.size() > line.road->certain()) {
    const VisitorPtr newest = line.pending.rbegin()->second;
    if (newest->may_wait) return;
    callbacks_.unservable(newest);
  }
}

// ---- workers ----

void Dispatcher::handed_over(const VisitorPtr& visitor, std::unique_ptr<Delivery> delivery) {
  visitor->state = State::handed_over;
  visitor->delivery = std::move(delivery);
  visitor->delivery->call([this, weak = std::weak_ptr(visitor)](Delivery::Event event) {
    const VisitorPtr known = weak.lock();
    if (known && known->delivery) hear(known, event);
  });
}

void Dispatcher::hear(const VisitorPtr& visitor, Delivery::Event event) {
  switch (event) {
    case Delivery::Event::taken:
      if (visitor->state != State::handed_over) return;  // evicted meanwhile
      visitor->state = State::taken;
      callbacks_.taken(visitor);
      visitor->timer.end();
      visitor->hang_up.end();
      return line_of(*visitor).road->settled(*visitor);
    case Delivery::Event::client_host:
    case Delivery::Event::attempt:
    case Delivery::Event::login_failed:
    case Delivery::Event::login_succeeded: return callbacks_.login_news(visitor, event);
    case Delivery::Event::no_room: return callbacks_.unservable(visitor);
    case Delivery::Event::login_over: return callbacks_.login_over(visitor);
    case Delivery::Event::lost: return lose(visitor);
  }
}

// A client that was not taken waits for another worker, in its old place.
void Dispatcher::lose(const VisitorPtr& visitor) {
  if (visitor->delivery->taken() || visitor->state == State::evicted) return callbacks_.login_over(visitor);
  line_of(*visitor).road->settled(*visitor);
  visitor->delivery.reset();
  const bool too_late = Clock::now() >= visitor->pending_until;
  if (too_late || ++visitor->attempts >= kMaxAttempts) return callbacks_.unservable(visitor);
  visitor->state = State::pending;
  if (visitor->attempts <= kAtOnce) return callbacks_.returned(visitor);
  visitor->retry = loop_.after(pause_after(visitor->attempts), [this, weak = std::weak_ptr(visitor)] {
    if (const VisitorPtr known = weak.lock()) callbacks_.returned(known);
  });
}

}  // namespace usher
