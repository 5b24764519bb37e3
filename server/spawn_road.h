// dispatch = "spawn": the client is put into a fresh channel, and the pool is asked for a worker that inherits its other end.
#pragma once

#include "handover/announcement.h"
#include "server/road.h"

namespace usher {

class SpawnRoad : public Road {
 public:
  // False when there is no pool to ask.
  using Ask = std::function<bool(const SpawnWorker& wish, UniqueFd workers_end)>;

  SpawnRoad(RoadServices services, std::string pool, Ask ask)
      : Road(std::move(services)), pool_(std::move(pool)), ask_(std::move(ask)) {}

  void dispatch(Pending& pending) override;
  bool prepared() const override { return sent_.size() < kAhead; }
  void settled(const Visitor& visitor) override;

 private:
  // Workers that are asked for and have not taken their client: so many ahead, of those who wait; who may not wait has his answer
  // from the pool.
  static constexpr std::size_t kAhead = 8;
  static constexpr std::size_t kMaxSent = 256;

  bool send(const VisitorPtr& visitor);

  std::string pool_;
  Ask ask_;
  Pending sent_;
  EventLoop::Timer retry_;
};

}  // namespace usher
