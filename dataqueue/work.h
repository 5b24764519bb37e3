// One turn on a library: what happens between taking the turn and giving it back.
//
// Begins the database's write transaction when something is first asked of it. Before anything else it puts right what
// dead processes left: entries that were kept for them go to the next who waits, their leases end, their slots are
// freed. Everything a death can leave behind is either undone by SQLite (a transaction that did not commit) or found
// from the slots:
//
//   killed before the commit    nothing has happened; receivers that were woken find nothing and wait on
//   killed after the commit     all has happened, receivers were woken before it; whose slot stays is dead and is freed
//   killed while slots change   the next to get the turn is told; everyone who waits is woken once and looks
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dataqueue/library_state.h"
#include "usher/data_queue.h"

namespace usher {

class Transaction::Work {
 public:
  enum class Repair { when_needed, in_full };
  // Errors: busy; why the library cannot be written.
  Work(LibraryState& library, Instant deadline, Repair repair = Repair::when_needed);
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work();

  LibraryState& library() noexcept { return library_; }
  SlotTable& slots() noexcept { return library_.slots(); }
  // Of the connection, in the write transaction.
  Database& database();
  Catalog& catalog();
  EntryStore& entries();

  // From the copy in memory.  Errors: queue_not_found.
  const QueueRecord& queue(const std::string& name);
  // A number that was never given out before.
  std::uint64_t next_number();
  // Catalogs of all processes are read anew. To be called before the commit that changes the queues.
  void catalog_changes();

  void send(const QueueRecord& queue, std::string_view data, const Key* key);
  // Puts an entry at its place and offers it to who waits, at the commit.
  void put(const QueueRecord& queue, const Entry& entry);
  // Removes an entry and returns it: the one at `place` if it is given and there, else the next that is nobody's.
  std::optional<Entry> take(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                            const std::optional<EntryPlace>& place, std::size_t limit);
  // How many went.
  std::uint64_t clear(const QueueRecord& queue, const std::optional<KeyCondition>& which);
  // The next entry left where it is: of all, or of those that are nobody's.
  enum class Among { all, unreserved };
  std::optional<Entry> look(const QueueRecord& queue, const std::optional<KeyCondition>& which, Among among,
                            std::size_t limit);

  // Frees the slot of a watch; the entry it was chosen for is offered to others.
  void disarm(SlotNumber watch);

  // Something for the moment after the commit, while the turn is still held.
  void after_commit(std::function<void()> action) { after_commit_.push_back(std::move(action)); }
  // Wakes, commits; keeps the turn.
  void commit_in_turn();
  // Gives the turn back, rolls back what was not committed; then waits for the disk where a queue has force.
  void end();
  void commit() {
    commit_in_turn();
    end();
  }

 private:
  void begin();
  void take_turn(Instant deadline, Repair how);
  void repair();
  void give_back() noexcept;

  LibraryState& library_;
  std::uint32_t generation_;
  bool has_lock_ = false;
  bool has_turn_ = false;
  bool changed_ = false;  // something was put or removed in the transaction
  std::optional<ImmediateTransaction> transaction_;
  std::vector<EntryPlace> sent_;
  std::vector<std::function<void()>> after_commit_;
  std::uint64_t new_number_limit_ = 0;  // promised by the database in this transaction
  bool force_ = false;
  std::uint64_t commit_ = 0;
};

// The connection for reading, in one read transaction; takes no turn, and works on a library that cannot be written.
class Reading {
 public:
  explicit Reading(LibraryState& library, Instant deadline);
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading();

  Database& database() noexcept { return library_.connection().database; }
  Catalog& catalog() noexcept { return library_.connection().catalog; }
  EntryStore& entries() noexcept { return library_.connection().entries; }
  QueueDescription describe(const QueueRecord& queue);

 private:
  void release() noexcept;

  LibraryState& library_;
  std::optional<ReadTransaction> transaction_;
};

// When a call without a wait of its own gives up.
Instant turn_deadline();

}  // namespace usher
