// Clients that wait for a worker, and workers that wait for a client, brought together.
//
// Model:  a client is pending until it has been handed over and taken. Ids come out of the ready queue together with the change
//         of their job's state; a pool whose queue is empty is watched, and its clients wait in order of arrival. A worker that
//         is gone before it said Taken leaves its client pending, in its old place.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/link.h"
#include "handover/hand_over.h"
#include "jobs/registry.h"
#include "server/visitor.h"

namespace usher {

class Dispatcher {
 public:
  using VisitorPtr = std::shared_ptr<Visitor>;
  struct Callbacks {
    std::function<HandOver(const Visitor&)> control_record;
    std::function<void(const VisitorPtr&)> login_over;  // also when its worker died: the listener lets go of it
    std::function<void(const VisitorPtr&)> no_worker;   // none is ready: may it wait?
    std::function<void(const VisitorPtr&)> unservable;  // worker after worker died over it
  };

  Dispatcher(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  // Nothing is dispatched before the registry is there.
  void open(const std::string& runtime_directory);
  bool opened() const noexcept { return registry_.has_value(); }

  void add(const VisitorPtr& visitor);
  void remove(Visitor& visitor);
  void evict(const Visitor& visitor);
  std::size_t pending() const;

  // The pool says how a ready worker is reached.
  void announce(const JobId& id, Channel channel);

 private:
  static constexpr unsigned kMaxAttempts = 20;
  static constexpr std::size_t kBatch = 32;

  struct Worker {
    std::unique_ptr<Link> link;
    Gate gate{kWorkerReports};
    bool taken = false;
    VisitorPtr visitor;
  };
  struct PoolQueue {
    std::map<std::uint64_t, VisitorPtr> pending;  // in order of arrival
    std::vector<JobId> in_hand;                      // assigned, and without a client yet
    std::optional<Watch> ready;
    EventLoop::Watch watch;

    bool waits() const { return in_hand.empty() && ready && ready->armed(); }
  };

  void schedule();
  void dispatch_all();
  void dispatch(const std::string& pool, PoolQueue& queue);
  bool assign(const std::string& pool, PoolQueue& queue);
  void wait_for_ready(const std::string& pool, PoolQueue& queue);
  void hand_over(const std::string& pool, PoolQueue& queue);
  bool send(const JobId& id, Worker& worker, const VisitorPtr& visitor);
  void hear(const JobId& id, Packet& packet);
  void lose(const JobId& id);

  EventLoop& loop_;
  Callbacks callbacks_;
  std::optional<Registry> registry_;
  std::map<std::string, PoolQueue> queues_;
  std::map<JobId, Worker> workers_;
  std::map<JobId, std::string> early_;  // assigned, and not announced yet: which pool
  bool scheduled_ = false;
};

}  // namespace usher
