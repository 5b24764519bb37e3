// A library as a process has it open: the connection to its database, the sidecar, and what keeps the two in step.
//
// One connection a library and process; the turn among its threads is taken before the one among processes. A thread
// that sleeps has neither. The connection is closed before every fork and opened again when it is next used.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "dataqueue/catalog.h"
#include "dataqueue/entry_store.h"
#include "dataqueue/fair_lock.h"
#include "dataqueue/fork_guard.h"
#include "dataqueue/lease_store.h"
#include "dataqueue/schema.h"
#include "dataqueue/sidecar.h"
#include "dataqueue/slot_table.h"

namespace usher {

class Member;

struct LibraryOptions {
  OpenLibrary how{};
  std::vector<ClientSchema> clients{};  // added to the file where missing
  std::string vfs{};                    // of SQLite; empty: its default
};

// Errors: as the public constructor; wrong_version for a client schema of another version.
std::shared_ptr<LibraryState> open_library(const std::string& path, LibraryOptions options);

// The database with everything that is prepared on it.
struct Connection {
  explicit Connection(Database opened)
      : database(std::move(opened)), catalog(database), entries(database), leases(database) {}
  Database database;
  Catalog catalog;
  EntryStore entries;
  LeaseStore leases;
};

class LibraryState final : public ForkAware {
 public:
  LibraryState(const std::string& path, LibraryOptions options);
  LibraryState(const LibraryState&) = delete;
  LibraryState& operator=(const LibraryState&) = delete;
  ~LibraryState() override;

  const std::string& path() const noexcept { return path_; }
  Durability durability() const noexcept { return options_.how.durability; }
  // Rises in a child: what was made before the fork belongs to the parent.
  std::uint32_t generation() const noexcept { return generation_; }

  // The turn among the threads of this process.  Errors: busy; invalid_argument when this thread has it.
  void lock(Instant deadline);
  void unlock() noexcept;

  // The following with it.
  Connection& connection();
  // Errors: why the library cannot be written: not_authorized, read_only.
  Sidecar& sidecar();
  SlotTable& slots() { return *slots_; }
  // Errors: library_not_found when the file is no longer at its path.
  void check_still_there();

  // Makes this process a member of the sidecar if it is none yet. Without it.
  void join();
  // After join().
  Member& member() { return *member_; }

  // Without it: dead processes left something to put right, and this one may.
  bool needs_repair() const;
  bool is_abandoned() const { return sidecar_->control().abandoned != 0; }
  std::uint32_t count_waiting(std::uint32_t queue) const {
    return slots_ == nullptr ? 0 : slots_->count_waiting(queue);
  }
  void note_log_pages() { log_pages_ = connection_->database.log_pages(); }
  // Returns when the commit is on the disk. Without it: several threads and processes share one write.
  void wait_for_disk(const SharedWrite::Ticket& ticket);
  // Moves the log to the file when it has grown long. Without it. What goes wrong over it is not the caller's.
  void keep_log_short() noexcept;

  void before_fork() noexcept override;
  void after_fork_in_parent() noexcept override;
  void after_fork_in_child() noexcept override;

 private:
  void find_file();
  void make_file();
  void open_sidecar();
  void open_connection();
  void add_client_schemas();
  int longest_log() const;
  void move_log();
  void move_rest_of_log();
  void write_log(bool first);

  std::string path_;
  LibraryOptions options_;
  struct stat file_ {};
  std::optional<Error> no_writes_;

  FairLock lock_;                         // the turn among the threads of this process
  std::atomic<std::uintptr_t> owner_{0};  // the thread that has that
  std::shared_mutex open_;                // shared by who writes the log to the disk, alone for who closes
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Sidecar> sidecar_;
  std::unique_ptr<SlotTable> slots_;
  std::unique_ptr<Member> member_;
  std::atomic<bool> joined_{false};
  Instant looked_{};
  std::atomic<int> long_log_{0};  // by the file's size at the last look, which comes before every commit
  std::atomic<int> log_pages_{0};

  std::atomic<std::uint32_t> generation_{0};
  bool closed_for_fork_ = false;
  std::atomic<bool> unusable_{false};
  ForkRegistration registration_{this};
};

}  // namespace usher
