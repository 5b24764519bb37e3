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
  LeaseStore& leases();

  // From the copy in memory.  Errors: queue_not_found.
  const QueueRecord& queue(const std::string& name);
  // A number that was never given out before.
  std::uint64_t next_number();
  // Catalogs of all processes are read anew. To be called before the commit that changes the queues.
  void catalog_changes();

  // With `yes` nothing else may happen in this turn, for what is handed over cannot be rolled back.
  enum class MayHandOver { no, yes };
  void send(const QueueRecord& queue, std::string_view data, const Key* key, MayHandOver may = MayHandOver::no);
  // A receiver that waits has got an entry.
  void note_served(const QueueRecord& queue) { library_.sidecar().control().served.note(queue.number); }
  // Nobody waits for an entry of the queue that could be handed over, but somebody did just now.
  bool receiver_is_on_its_way(const QueueRecord& queue, std::string_view data);
  // Where receivers are taking what is stored, they get more turns than who sends: so they catch up.
  void let_receivers_first(const QueueRecord& queue);
  // An entry with its own time, sender and deliveries.
  void restore(const QueueRecord& queue, const Entry& entry);
  // Puts an entry at its place and offers it to who waits, at the commit.
  void put(const QueueRecord& queue, const Entry& entry);
  // Removes an entry and returns it: what the caller was chosen for if it is there, else the next that is nobody's.
  std::optional<Entry> take(const QueueRecord& queue, const std::optional<KeyCondition>& which, const Choice& choice,
                            std::size_t limit);
  // The same as take(), under a lease of this process, which must have joined.
  std::optional<LeasedEntry> lease(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                   const Choice& choice);
  // Errors: lease_lost.
  void complete(std::uint64_t lease);
  void release(std::uint64_t lease);
  // Entries of the queue that are in slots only are gone, at the commit.
  void take_back_handed(std::uint32_t queue);
  // How many went.
  std::uint64_t clear(const QueueRecord& queue, const std::optional<KeyCondition>& which);
  // The next entry left where it is: of all, or of those that are nobody's.
  enum class Among { all, unreserved };
  std::optional<Entry> look(const QueueRecord& queue, const std::optional<KeyCondition>& which, Among among,
                            std::size_t limit);

  // Frees the slot of a watch at the commit; the entry it was chosen for is offered to others.
  void disarm(SlotNumber watch);

  // Something for the moment after the commit, while the turn is still held.
  void after_commit(std::function<void()> action) { after_commit_.push_back(std::move(action)); }
  // end() returns when the disk has it, as with a queue that has force; not in a library that never waits for the disk.
  void waits_for_disk();
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
  void put_counted(const QueueRecord& queue, const Entry& entry);
  void take_turn(Instant deadline, Repair how);
  void repair();
  void pass_on(SlotNumber slot);
  void end_leases_of_the_dead();
  void give_back(const LeasedEntry& leased);
  bool move_to_dead_letter(const QueueRecord& queue, const LeasedEntry& leased);
  LeasedEntry end_lease(std::uint64_t lease);
  std::optional<Entry> take_out(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                const std::optional<EntryPlace>& place, std::size_t limit);
  void release_turn() noexcept;

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
  SharedWrite::Ticket committed_{};
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
  LeaseStore& leases() noexcept { return library_.connection().leases; }
  QueueDescription describe(const QueueRecord& queue);

 private:
  void release() noexcept;

  LibraryState& library_;
  std::optional<ReadTransaction> transaction_;
};

// When a call without a wait of its own gives up.
Instant turn_deadline();

}  // namespace usher
