// How workers that are somebody's own programs fare: whether they serve a connection, and how many they have served.
//
// Model:  a program writes that on a page that is shared with this process, so that a connection costs no message; the
// page is looked
//         at a few times a second while there is one. The registry is behind by that much.
// Trust:  the page is the program's word about itself, and is shown, no more.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "base/event_loop.h"
#include "worker/pool_job.h"

namespace usher {

class PoolOwnWorkers {
 public:
  using Jobs = std::map<std::uint32_t, std::unique_ptr<PoolJob>>;
  using Changed = std::function<void(PoolJob& job)>;

  // `jobs` are the pool's, and it outlives this.
  PoolOwnWorkers(EventLoop& loop, const Jobs& jobs, Changed changed)
      : loop_(loop), jobs_(jobs), changed_(std::move(changed)) {}

  // A program has begun, as OwnProgram says.
  void begin(PoolJob& job, Packet& packet, const Configuration& configuration);
  // It ended without being told to, and had served nobody: another one would fare as it did.
  static bool was_useless(PoolJob& job);

 private:
  void look();
  static bool update(PoolJob& job);

  EventLoop& loop_;
  const Jobs& jobs_;
  Changed changed_;
  EventLoop::Timer next_;
};

}  // namespace usher
