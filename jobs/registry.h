// The registry: every living job, and the ready queue, in one file.
//
// Model:  a data-queue library with two more tables, `job` and `statistic`. Two processes write it: the pool (all states of all jobs) and the
//         listener (ready -> assigned, together with taking the job's id from the queue). A worker's state and its place in
//         the queue change in one transaction: never assigned twice, never lost.
// Shape:  the queue is READY, keyed by the name of the pool; an entry is a job's 16-byte id.
// Errors: Error; busy when no turn came in 10 s.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dataqueue/library_transaction.h"
#include "jobs/job.h"
#include "jobs/statistics.h"
#include "usher/data_queue.h"

namespace usher {

inline constexpr std::string_view kReadyQueue = "READY";

class Registry {
  struct Statements {
    explicit Statements(Database& database);
    Statement put, put_served, remove, remove_served, assign, is_ready, forget_statistics, forget_all_statistics, put_statistic;
  };

 public:
  enum class Open { create, existing };
  Registry(const std::string& runtime_directory, Open how);

  // Changes that happen together or not at all; nothing happens without commit().
  class Update {
   public:
    explicit Update(Registry& registry);
    // The whole row, new or not.
    void put(const Job& job);
    // The same, and its id goes to the end of its pool's ready queue.
    void make_ready(const Job& job);
    void remove(const JobId& id);
    // Takes an id out of the ready queue wherever it stands; false when it is not there (any more).
    bool withdraw(const std::string& pool, const JobId& id);
    // The longest-ready worker of the pool, now assigned. Ids of jobs that are gone are dropped.
    std::optional<JobId> assign(const std::string& pool);
    // The same, but the worker stays ready, until it is given to a client and assigned.
    std::optional<JobId> reserve(const std::string& pool);
    void assign(const JobId& reserved);
    // Back into the queue, at its end, unless its job is not ready any more.
    void put_back(const std::string& pool, const JobId& reserved);
    // The same for the entry that a watch waited for.
    std::optional<JobId> assign(const std::string& pool, Watch& ready);
    // All that `source` counts, in place of what it wrote before.
    void put_statistics(const std::string& source, const std::vector<Statistic>& rows);
    // Of every source.
    void forget_statistics();
    void commit() { transaction_.commit(); }

   private:
    bool mark_assigned(const JobId& id);

    Registry& registry_;
    Transaction transaction_;
    Statements& statements_;
  };

  std::vector<Job> jobs();
  std::vector<Statistic> statistics();
  std::optional<Job> find(std::uint32_t number);
  // The ids in the ready queue.
  std::set<JobId> queued();
  // Waits, as a descriptor, for a ready worker of the pool.
  Watch watch_ready(const std::string& pool);

 private:
  Library library_;
  DataQueue ready_;
  OnDatabase<Statements> statements_;
};

// Where the registry stands, for those who look at it with SQL.
std::string registry_path(const std::string& runtime_directory);

}  // namespace usher
