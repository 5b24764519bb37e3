#include "server/dispatcher.h"

#include <sys/epoll.h>

#include <algorithm>

#include "base/log.h"

namespace usher {

using State = Visitor::State;

void Dispatcher::open(const std::string& runtime_directory) {
  if (!registry_) registry_.emplace(runtime_directory, Registry::Open::existing);
  schedule();
}

void Dispatcher::add(const VisitorPtr& visitor) {
  visitor->state = State::pending;
  queues_[visitor->pool].pending[visitor->serial] = visitor;
  schedule();
}

void Dispatcher::remove(Visitor& visitor) {
  queues_[visitor.pool].pending.erase(visitor.serial);
  const auto worker = workers_.find(visitor.worker);
  if (worker != workers_.end() && worker->second.visitor.get() == &visitor) worker->second.visitor = nullptr;
}

void Dispatcher::evict(const Visitor& visitor) {
  const auto worker = workers_.find(visitor.worker);
  if (worker != workers_.end()) worker->second.link->send(Evict{});
}

std::size_t Dispatcher::pending() const {
  std::size_t count = 0;
  for (const auto& [pool, queue] : queues_) count += queue.pending.size();
  return count;
}

void Dispatcher::announce(const JobId& id, Channel channel) {
  Worker& worker = workers_[id];
  worker.link = std::make_unique<Link>(
      loop_, std::move(channel), [this, id](Packet& packet) { hear(id, packet); },
      [this, id](const std::string& why) {
        if (why != "it is gone") log::error("worker_broke_protocol", {{"worker", id.hex()}, {"reason", why}});
        lose(id);
      },
      0);
  const auto early = early_.find(id);
  if (early == early_.end()) return;
  queues_[early->second].in_hand.push_back(id);
  early_.erase(early);
  schedule();
}

// Once a round, however many clients came in it.
void Dispatcher::schedule() {
  if (!registry_ || std::exchange(scheduled_, true)) return;
  loop_.defer([this] {
    scheduled_ = false;
    for (auto& [pool, queue] : queues_) {
      if (!queue.pending.empty() && !queue.waits()) dispatch(pool, queue);
    }
  });
}

void Dispatcher::dispatch(const std::string& pool, PoolQueue& queue) {
  while (!queue.pending.empty()) {
    if (queue.in_hand.empty() && !assign(pool, queue)) return wait_for_ready(pool, queue);
    hand_over(pool, queue);
  }
}

// Ids of ready workers, for as many clients as wait. False when there is none.
bool Dispatcher::assign(const std::string& pool, PoolQueue& queue) {
  Registry::Update update(*registry_);
  std::vector<JobId> ids;
  const std::size_t wanted = std::min(queue.pending.size(), kBatch);
  while (ids.size() < wanted) {
    const bool watched = queue.ready && queue.ready->armed();
    const std::optional<JobId> id = watched ? update.assign(pool, *queue.ready) : update.assign(pool);
    if (!id) break;
    ids.push_back(*id);
  }
  update.commit();
  queue.in_hand = std::move(ids);
  return !queue.in_hand.empty();
}

void Dispatcher::wait_for_ready(const std::string& pool, PoolQueue& queue) {
  if (!queue.ready) {
    queue.ready.emplace(registry_->watch_ready(pool));
    queue.watch = loop_.watch(queue.ready->fd(), EPOLLIN, [this, &pool = pool, &queue](std::uint32_t) {
      if (queue.pending.empty()) return queue.ready->disarm();
      dispatch(pool, queue);
    });
  }
  queue.ready->arm();
  const auto waiting = queue.pending;
  for (const auto& [serial, visitor] : waiting) callbacks_.no_worker(visitor);
}

void Dispatcher::hand_over(const std::string& pool, PoolQueue& queue) {
  for (const JobId& id : std::exchange(queue.in_hand, {})) {
    const auto worker = workers_.find(id);
    if (worker == workers_.end()) {
      early_[id] = pool;
      continue;
    }
    if (queue.pending.empty()) {
      queue.in_hand.push_back(id);
      continue;
    }
    const VisitorPtr visitor = queue.pending.begin()->second;
    if (send(id, worker->second, visitor)) queue.pending.erase(visitor->serial);
  }
}

bool Dispatcher::send(const JobId& id, Worker& worker, const VisitorPtr& visitor) {
  if (!worker.link->send_now(callbacks_.control_record(*visitor), visitor->fd.get())) return false;
  worker.visitor = visitor;
  visitor->worker = id;
  visitor->state = State::handed_over;
  return true;
}

void Dispatcher::hear(const JobId& id, Packet& packet) {
  Worker& worker = workers_.at(id);
  const VisitorPtr visitor = worker.visitor;
  worker.gate.check(packet, worker.taken ? HandOverState::taken : HandOverState::sent);
  if (static_cast<WorkerTellsListener>(packet.kind()) == WorkerTellsListener::taken) {
    worker.taken = true;
    if (visitor && visitor->state == State::handed_over) {
      visitor->state = State::taken;
      visitor->timer.end();
    }
    return;
  }
  worker.visitor = nullptr;
  if (visitor) callbacks_.login_over(visitor);
}

// A client that was not taken waits for another worker, in its old place.
void Dispatcher::lose(const JobId& id) {
  const auto worker = workers_.extract(id);
  const VisitorPtr visitor = worker.mapped().visitor;
  if (!visitor) return;
  if (worker.mapped().taken || visitor->state == State::evicted) return callbacks_.login_over(visitor);
  const bool too_late = Clock::now() >= visitor->pending_until;
  if (too_late || ++visitor->attempts >= kMaxAttempts) return callbacks_.unservable(visitor);
  add(visitor);
}

}  // namespace usher
