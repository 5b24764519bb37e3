// Brings givers and takers of descriptors together, and tells processes which job they belong to.
//
// Model:  a giver names a job and waits until a process of it takes; a taker waits until there is a giver for its job;
// both in order
//         of arrival. When there is one of each they get the ends of a new channel, the taker first: the giver can put
//         nothing into it before the pool has let go of it. Whoever goes is forgotten; with a job its givers are
//         refused.
// Rules:  a process of a job may give to jobs of the same user, root to all. Job and user of a peer are the kernel's
// answers.
//         A worker's report may be a little behind its program: a target that has no program yet is judged when it
//         takes.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "worker/pool_askers.h"
#include "worker/pool_job.h"

namespace usher {

class PoolExchange {
 public:
  using Jobs = PoolJobs;
  using Living = std::map<std::uint32_t, pid_t>;

  // `jobs` and `living`, the workers that exist, are the pool's, and it outlives this.
  PoolExchange(EventLoop& loop, UniqueFd socket, const Jobs& jobs, const Living& living);

  // The job is over.
  void ended(std::uint32_t number);

 private:
  struct Taker {
    Asker* asker;
    std::array<std::uint8_t, 16> source;
  };
  struct Giver {
    Asker* asker;
    Offer offer;
  };
  struct Meeting {  // of a job
    std::list<Giver> givers;
    std::list<Taker> takers;
  };
  // A job that lives and has no entry yet: this process is newer than the job, and will hear of it in a moment.
  enum class Known { yes, no, not_yet };
  struct Membership {
    Known known = Known::no;
    const PoolJob* job = nullptr;
  };

  void asked(Asker& asker, Packet& packet);
  void who_am_i(Asker& asker, int tries);
  void take(Asker& asker, const Take& take, int tries);
  void give(Asker& asker, const Give& wish, int tries);
  void again_later(Asker& asker, int tries, std::function<void(int)> again);
  void refuse(Asker& asker, RefusalReason reason);
  void gone(Asker& asker);

  Membership job_of(const Asker& asker) const;
  const PoolJob* find(const std::string& text) const;
  std::optional<RefusalReason> objection(const Asker& asker, const Membership& own, const PoolJob* target) const;
  bool may_have_user(const PoolJob& target, uid_t user) const;
  void match(std::uint32_t number);
  static bool introduce(Giver& giver, const Taker& taker);
  static Giver* giver_for(Meeting& meeting, const Taker& taker, std::vector<Asker*>& strangers);

  EventLoop& loop_;
  const Jobs& jobs_;
  const Living& living_;
  std::map<std::uint32_t, Meeting> meetings_;
  PoolAskers askers_;
};

}  // namespace usher
