// How the listener reaches workers: the pool's half of the three roads (server/road.h is the other).
//
// Model:  queue:  the listener's end of each ready worker's own channel goes to the listener before the worker's id is queued.
//         shared: one channel a pool and generation; every worker of it has the same end. It ends with its generation, or with
//                 this process, and so do the workers that wait on it.
//         spawn:  wishes for a worker, in order of arrival; each is the worker's end of a channel that holds the client already.
//                 One whose client was withdrawn is dropped.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/configuration.h"
#include "base/job_id.h"
#include "base/link.h"
#include "handover/announcement.h"

namespace usher {

class PoolRoads {
 public:
  // `wished`: the listener wants a worker spawned.
  PoolRoads(EventLoop& loop, std::function<void()> wished) : loop_(loop), wished_(std::move(wished)) {}

  // A new generation.
  void configure(const Configuration& configuration);

  // The listener is new: it hears of the shared channels; the caller announces its ready workers, and then introduces itself.
  void meet_listener(Channel channel);
  void introduce();

  void announce(const JobId& id, const std::string& pool, const Channel& listeners_end);
  // Says nothing when the number has not changed.
  void announce_idle(const std::string& pool, std::uint32_t idle);

  // What a worker of a shared pool waits on.
  UniqueFd shared_end(const std::string& pool) const;
  // The oldest wish that still stands; none: an empty descriptor.
  UniqueFd next_wish(const std::string& pool);
  // There is no room for those that are left.
  void refuse_impatient(const std::string& pool);

 private:
  struct Shared {
    Channel listeners_end;
    Channel workers_end;
    std::uint32_t idle = 0;
    bool own = false;  // of workers that are somebody's own programs
  };
  struct Wish {
    UniqueFd workers_end;
    bool may_wait;
  };

  void announce_shared(const std::string& pool, const Shared& shared);
  void hear(Packet& packet);

  EventLoop& loop_;
  std::function<void()> wished_;
  std::unique_ptr<Link> listener_;
  Gate gate_{kListenerWishes};
  std::map<std::string, Shared> shared_;
  std::map<std::string, std::deque<Wish>> wishes_;
};

}  // namespace usher
