// The starter's processes for public listeners: one each, as the listener's user.
//
// Model:  follow() makes what runs fit a generation: a listener that has its process keeps it (as long as its user stays the
//         same) and is told the new plan; one that is gone is told to stop, and its process ends with its last program.
#pragma once

#include <sys/resource.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "worker/generation.h"
#include "worker/public_plan.h"
#include "worker/service.h"

namespace usher {

class PublicServices {
 public:
  struct Callbacks {
    std::function<void()> ready;
    std::function<void(const std::string& reason)> gave_up;  // ended before it was ever ready
    std::function<void(const PublicChannel&, UniqueFd)> introduce;  // to the pool, if there is one
    std::function<pid_t()> pool;                                    // 0: there is none
    std::function<void()> crashed;  // what ran below it may be left
    std::function<void()> fewer_programs;
  };
  PublicServices(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  // One that runs, as it is told to the starter that this one becomes by executing itself anew.
  struct Row {
    pid_t pid = 0;
    int channel = -1;
    std::string listener;
    std::string program;
    std::string user;
  };
  std::vector<Row> rows() const;
  // It ends with its last program; follow() starts another for new connections.
  void adopt(const Row& row);

  // What each is executed with, but for its account.
  void set_order(SpawnOrder order, bool as_its_user);
  void follow(const Generation& generation);
  bool ready(std::uint32_t generation) const;
  // A new pool: each gets a channel to it.
  void meet_pool();

  bool owns(pid_t pid) const;
  // The starter has reaped this pid. False when it was none of these.
  bool ended(pid_t pid, int wait_status);
  // Ends the job if one of them has it; false when there are none at all.
  bool end(std::uint32_t number, std::chrono::milliseconds delay);
  void stop(bool drain);
  void end_programs(std::chrono::milliseconds delay);
  // That run in those that have been told to stop, by their word.
  std::size_t programs() const;
  void kill_all() const;
  bool idle() const;
  void for_each(const std::function<void(const std::string& name, const Service&)>& visit) const;

 private:
  struct Entry {
    PublicPlan plan;
    std::shared_ptr<ListeningEnd> socket;
    std::uint32_t generation = 0;
    bool leaving = false;
    std::uint32_t programs = 0;
    std::optional<Service> service{};
  };

  Entry* find(const PublicPlan& plan);
  static bool has_socket(const Generation& generation, const Entry& entry);
  void add(const PublicPlan& plan, const Generation& generation);
  void make_service(Entry& entry);
  void configure(Entry& entry);
  void connect(Entry& entry);
  static void leave(Entry& entry, const Stop& how);
  void forget_dead();

  EventLoop& loop_;
  Callbacks callbacks_;
  SpawnOrder order_;
  bool as_its_user_ = false;
  std::list<Entry> services_;
};

}  // namespace usher
