// The queues of a library: their rows in the database, and the copy of them that a process keeps.
//
// The copy is good as long as the number in the sidecar (`catalog`) has not changed. It changes in the turn and before
// the commit that makes or deletes a queue, so nobody who has the turn can miss it, even if the one who made it is
// killed in between.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataqueue/queue_record.h"
#include "dataqueue/sqlite.h"

namespace usher {

class Catalog {
 public:
  explicit Catalog(Database& database);

  // From the copy, with the turn; `generation` is the number in the sidecar.  Errors: queue_not_found.
  const QueueRecord& find(const std::string& name, std::uint64_t generation);
  // From the database.  Errors: queue_not_found.
  QueueRecord read(const std::string& name);
  std::optional<QueueRecord> find_if_there(const std::string& name);
  std::optional<QueueRecord> read_number(std::uint32_t number);
  std::vector<QueueRecord> read_all();

  // In a transaction, with the turn.  Errors: already_exists.
  void insert(const QueueRecord& queue);
  void remove(const QueueRecord& queue);
  // A number for a new queue.  Errors: disk_full when all are taken.
  std::uint32_t free_number();

  // Counts entries of a queue with max_entries, leased ones too.  False: it would have too many.
  bool add_to_count(std::uint32_t queue, std::int64_t entries);
  // The same for one, whatever the limit.
  void count_in(std::uint32_t queue);

 private:
  std::optional<QueueRecord> first(Rows rows);

  Database& database_;
  Statement by_name_, by_number_, count_;
  std::unordered_map<std::string, QueueRecord> copy_;
  std::uint64_t generation_ = 0;
};

}  // namespace usher
