// The entries of all queues of a library as rows of its database.
//
// Everything here is in the caller's transaction, and what is passed over (`reserved`) is the caller's knowledge.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "dataqueue/queue_record.h"
#include "dataqueue/slot_table.h"
#include "dataqueue/sqlite.h"

namespace usher {

using Reserved = std::vector<std::uint64_t>;  // numbers of entries

class EntryStore {
 public:
  explicit EntryStore(Database& database);

  void insert(const QueueRecord& queue, const Entry& entry);
  // The next entry of a queue in its order that suits and is not reserved.
  std::optional<Entry> first(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                             const Reserved& reserved, std::size_t limit);
  // The entry at a place; empty when it is not there.
  std::optional<Entry> at(const EntryPlace& place, std::size_t limit);
  void remove(const EntryPlace& place);
  std::vector<Entry> list(const QueueRecord& queue, const std::optional<KeyCondition>& which, const Listing& what);
  // Those sent after the entry of this number, in the order of their sending.
  std::vector<Entry> since(const QueueRecord& queue, std::uint64_t number);
  bool is_empty(const QueueRecord& queue);
  // How many went.
  std::uint64_t clear(const QueueRecord& queue, const std::optional<KeyCondition>& which);

  struct Totals {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::optional<std::chrono::system_clock::time_point> oldest;
  };
  Totals totals(const QueueRecord& queue);

 private:
  Statement& keyed_statement(KeyOrder order);
  static std::optional<Entry> first_free(Rows rows, const Reserved& reserved, std::size_t limit);

  Database& database_;
  Statement insert_, insert_keyed_, oldest_, newest_, at_, at_keyed_, any_, any_keyed_, remove_, remove_keyed_;
  std::array<Statement, 6> keyed_;  // by KeyOrder, prepared when first used
};

// A row whose first columns are number, key, data, enqueued, sender_job, sender_user, deliveries.
Entry entry_of(const Rows& row, std::size_t limit);

EntryPlace place_of(const QueueRecord& queue, const Entry& entry);

}  // namespace usher
