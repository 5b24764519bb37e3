// Clients that wait for a worker, and workers that wait for a client, brought together.
//
// Model:  a client is pending until it has been handed over and taken. Every pool has a line for each of the roads its listeners
//         use; clients wait there in order of arrival. A worker that is gone before it said Taken leaves its client pending, in
//         its old place.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "handover/announcement.h"
#include "handover/hand_over.h"
#include "jobs/registry.h"
#include "server/road.h"

namespace usher {

class QueueRoad;

class Dispatcher {
 public:
  struct Callbacks {
    std::function<HandOver(const Visitor&)> control_record;
    std::function<void(Visitor&)> greet;
    std::function<bool(const SpawnWorker&, UniqueFd)> ask_pool;
    std::function<bool()> hear_pool;  // reads what announcements have come by now; false when the pool is gone
    std::function<void(const VisitorPtr&, Delivery::Event)> login_news;  // what limits are about
    std::function<void(const VisitorPtr&)> returned;     // no worker has it: it is to be added again
    std::function<void(const VisitorPtr&)> login_over;   // also when its worker died (lost()): the listener lets go of it
    std::function<void(const VisitorPtr&)> unservable;   // it may not wait and none is ready; or worker after worker died over it
    std::function<void(const VisitorPtr&)> taken = [](const VisitorPtr&) {};  // by a worker
    std::function<void(const std::string& pool, std::size_t clients)> wait_for_own_workers = [](const auto&, std::size_t) {};
    std::function<void(Visitor&)> park = [](Visitor&) {};      // it stays in its line
    std::function<void(Visitor&)> unpark = [](Visitor&) {};    // it is about to be sent
    std::function<void(const OwnConnection&, UniqueFd)> found = [](const OwnConnection&, UniqueFd) {};
  };

  Dispatcher(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  void add(const VisitorPtr& visitor);
  // Out of the line; false when a worker has it.
  bool withdraw(Visitor& visitor);
  // The listener lets go of it.
  void remove(Visitor& visitor);
  std::size_t pending() const;

  // A pool is there, and its registry. Nothing is dispatched before introduced(), when the ids that a pool before it left in
  // the ready queue are gone; only own workers, who need no pool, go on.
  void meet_pool(const std::string& runtime_directory);
  void worker_channel(const WorkerChannel& worker, Channel channel);
  void shared_channel(const SharedChannel& shared, Channel channel);
  void shared_ready(const SharedReady& ready);
  void own_channel(const OwnChannel& own, Channel channel, Channel workers_end);
  void introduced();
  // Finds out what nobody tells: who has been taken by own workers. True while somebody waits for one.
  bool look();
  bool opened() const noexcept { return opened_; }  // to clients, by a pool
  // Of the pool that has been met.
  std::optional<Registry>& registry() noexcept { return registry_; }
  void pool_is_gone();
  // With a new configuration: workers that wait on other roads go.
  void use_only(const std::set<std::pair<std::string, Dispatch>>& roads);

 private:
  static constexpr unsigned kMaxAttempts = 20;
  static constexpr std::chrono::seconds kFirstWorker{1};

  struct Line {
    std::unique_ptr<Road> road;
    Pending pending;
    bool due = false;
    bool has_had_worker = false;  // of this pool
  };
  using LineKey = std::pair<std::string, Dispatch>;

  Line& line_of(const Visitor& visitor) { return line({visitor.pool, visitor.dispatch}); }
  Line& line(const LineKey& key);
  template <class R>
  R& road(const std::string& pool, Dispatch dispatch);
  std::unique_ptr<Road> make_road(const LineKey& key);
  bool is_open(const LineKey& key) const { return opened_ || key.second == Dispatch::own; }
  void had_worker(const LineKey& key) { line(key).has_had_worker = true; }
  void schedule(Line& line);
  void schedule_all();
  void run();
  void turn_away_impatient(Line& line);
  void handed_over(const VisitorPtr& visitor, std::unique_ptr<Delivery> delivery);
  void hear(const VisitorPtr& visitor, Delivery::Event event);
  void lose(const VisitorPtr& visitor);

  EventLoop& loop_;
  Callbacks callbacks_;
  std::optional<Registry> registry_;
  bool opened_ = false;
  std::map<LineKey, Line> lines_;
  bool scheduled_ = false;
  EventLoop::Timer first_worker_;  // for so long even those who may not wait do: a pool has just gone or come
};

}  // namespace usher
