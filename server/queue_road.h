// dispatch = "queue": the id of the longest-ready worker comes out of the ready queue, and the client goes to that worker's own
// channel.
//
// Model:  an id comes out of the queue together with the change of its job's state to assigned. One more is taken out in
//         advance, so that the next client need not wait for that: its job stays ready until it has a client, and goes back
//         when none comes for a while. While the queue is empty it is watched; the first entry wakes this road alone. The pool
//         announces a channel before the worker's id is in the queue, but by another way: an id may be here first, and is
//         kept for the client until its channel comes.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "jobs/registry.h"
#include "server/road.h"

namespace usher {

class QueueRoad : public Road {
 public:
  QueueRoad(RoadServices services, std::optional<Registry>& registry, std::string pool)
      : Road(std::move(services)), registry_(registry), pool_(std::move(pool)) {}

  void announce(const JobId& id, Channel channel);
  void dispatch(Pending& pending) override;
  bool prepared() const override { return reserved_.has_value(); }
  std::size_t certain() const override { return early_.size(); }
  void pool_is_gone() override;

 private:
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kMostGone = 1024;
  static constexpr std::chrono::seconds kReserved{1};

  bool waiting() const { return ready_ && ready_->armed() && !woken_; }
  bool assign(std::size_t wanted);
  void give_reserved(Pending& pending);
  void prepare_later();
  void prepare();
  void put_back();
  void wait_for_ready();
  void hand_over(Pending& pending);
  void hand_over(const JobId& id, Pending& pending);
  void lose_idle(const JobId& id);
  void expect(const JobId& id);

  std::optional<Registry>& registry_;  // open before the first dispatch
  std::string pool_;
  std::map<JobId, std::unique_ptr<Delivery>> idle_;  // announced
  std::vector<JobId> in_hand_;                       // assigned, and without a client yet
  std::optional<JobId> reserved_;                    // out of the queue, and still ready
  EventLoop::Timer put_back_;
  std::vector<JobId> given_;                         // they have a client, and are not written as assigned yet
  bool preparing_ = false;
  std::set<JobId> early_;                            // assigned, and not announced yet
  std::deque<JobId> gone_;                           // ended idle, and may still be in the queue
  std::optional<usher::Watch> ready_;
  EventLoop::Watch watch_;
  bool woken_ = false;
};

}  // namespace usher
