#include "server/queue_road.h"

#include <sys/epoll.h>

#include <algorithm>

namespace usher {

void QueueRoad::announce(const JobId& id, Channel channel) {
  idle_[id] = std::make_unique<Delivery>(services_.loop, std::move(channel), [this, id](Delivery::Event) { lose_idle(id); });
  if (early_.erase(id) == 0) return;
  in_hand_.push_back(id);
  services_.again();
}

void QueueRoad::lose_idle(const JobId& id) {
  idle_.erase(id);
  gone_.push_back(id);
  if (gone_.size() > kMostGone) gone_.pop_front();
}

// Its workers are announced no more, and those that wait go.
void QueueRoad::pool_is_gone() {
  in_hand_.clear();
  reserved_.reset();
  put_back_.end();
  given_.clear();
  preparing_ = false;
  early_.clear();
  gone_.clear();
}

void QueueRoad::dispatch(Pending& pending) {
  if (in_hand_.empty() && pending.size() > early_.size()) give_reserved(pending);
  while (pending.size() > early_.size()) {
    if (in_hand_.empty() && (waiting() || !assign(pending.size() - early_.size()))) return wait_for_ready();
    hand_over(pending);
  }
  if (woken_) ready_->disarm();  // nobody needs the worker any more
  woken_ = false;
}

void QueueRoad::give_reserved(Pending& pending) {
  prepare_later();
  if (!reserved_) return;
  const JobId id = *std::exchange(reserved_, std::nullopt);
  put_back_.end();
  given_.push_back(id);
  hand_over(id, pending);
}

// When the clients of this round are on their way.
void QueueRoad::prepare_later() {
  if (std::exchange(preparing_, true)) return;
  services_.loop.defer([this] {
    if (preparing_) prepare();
  });
}

void QueueRoad::prepare() {
  preparing_ = false;
  Registry::Update update(*registry_);
  for (const JobId& id : given_) update.assign(id);
  const auto next = waiting() ? std::nullopt : update.reserve(pool_);
  update.commit();
  given_.clear();
  reserved_ = next;
  if (reserved_) put_back_ = services_.loop.after(kReserved, [this] { put_back(); });
}

// Whoever looks at the queue while nothing happens finds all ready workers in it.
void QueueRoad::put_back() {
  Registry::Update update(*registry_);
  update.put_back(pool_, *reserved_);
  update.commit();
  reserved_.reset();
}

// Ids of ready workers, for as many clients as wait. False when there is none.
bool QueueRoad::assign(std::size_t wanted) {
  Registry::Update update(*registry_);
  for (const JobId& id : given_) update.assign(id);
  std::vector<JobId> ids;
  while (ids.size() < std::min(wanted, kBatch)) {
    const bool watched = ready_ && ready_->armed();
    const std::optional<JobId> id = watched ? update.assign(pool_, *ready_) : update.assign(pool_);
    if (!id) break;
    ids.push_back(*id);
  }
  update.commit();
  given_.clear();
  in_hand_ = std::move(ids);
  return !in_hand_.empty();
}

void QueueRoad::wait_for_ready() {
  woken_ = false;
  if (!ready_) {
    ready_.emplace(registry_->watch_ready(pool_));
    watch_ = services_.loop.watch(ready_->fd(), EPOLLIN, [this](std::uint32_t) {
      woken_ = true;
      services_.again();
    });
  }
  ready_->arm();
}

void QueueRoad::hand_over(Pending& pending) {
  for (const JobId& id : std::exchange(in_hand_, {})) hand_over(id, pending);
}

void QueueRoad::hand_over(const JobId& id, Pending& pending) {
  if (!idle_.contains(id) && !services_.hear_pool()) return;  // nobody will announce it
  const auto worker = idle_.find(id);
  if (worker == idle_.end()) return expect(id);
  if (pending.empty()) return in_hand_.push_back(id);
  const VisitorPtr visitor = pending.begin()->second;
  std::unique_ptr<Delivery> delivery = std::move(worker->second);
  idle_.erase(worker);
  const auto send = [&] {
    services_.greet(*visitor);
    return delivery->send(services_.control_record(*visitor), visitor->fd.get());
  };
  if (!send_out(*visitor, send)) return;  // it died: its id is spent
  pending.erase(pending.begin());
  services_.handed_over(visitor, std::move(delivery));
}

// A worker that has been announced and is unknown has ended.
void QueueRoad::expect(const JobId& id) {
  if (std::erase(gone_, id) == 0) early_.insert(id);
}

}  // namespace usher
