// Entries that are out under a lease, as rows of the database.
//
// Everything here is in the caller's transaction.
#pragma once

#include <optional>
#include <vector>

#include "dataqueue/queue_record.h"
#include "dataqueue/sqlite.h"

namespace usher {

// Who holds a lease: a member (slot_table.h) of a sidecar of this library, by the numbers that neither is used again.
struct Holder {
  std::uint64_t epoch = 0;
  std::uint64_t incarnation = 0;
  std::int32_t pid = 0;
};

struct LeasedEntry {
  std::uint64_t lease = 0;  // its number
  std::uint32_t queue = 0;
  Entry entry;
  Holder holder;
};

class LeaseStore {
 public:
  explicit LeaseStore(Database& database);

  void insert(const LeasedEntry& leased);
  std::optional<LeasedEntry> find(std::uint64_t lease);
  // False: there is none of that number.
  bool remove(std::uint64_t lease);
  // Each once.
  std::vector<Holder> holders();
  std::vector<LeasedEntry> of(const Holder& holder);

  struct OfQueue {
    std::uint64_t entries = 0;
    std::vector<Holder> holders;
  };
  OfQueue of_queue(std::uint32_t queue);

 private:
  static LeasedEntry leased_of(const Rows& row);

  Database& database_;
  Statement insert_, find_, remove_, holders_, of_, count_;
};

}  // namespace usher
