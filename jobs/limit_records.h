// What the listener holds against addresses, networks and accounts, where it outlives the listener and `usher limits` sees it.
//
// Model:  a data-queue library with two more tables. The listener writes it, at most once a second; others read. A wish to forget
//         is an entry of the queue FORGET: it is gone when the listener has fulfilled it.
// Errors: Error; busy when no turn came in time.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataqueue/library_transaction.h"
#include "usher/data_queue.h"

namespace usher {

struct LimitRecord {
  std::string kind;  // "address", "network", "account"
  std::string name;  // bytes of a stranger's, where it is an account
  double failures = 0;
  std::int64_t failures_at = 0;  // Units: milliseconds since 1970, here and below
  std::int64_t memory_ms = 1;
  std::int64_t refused_until = 0;
  std::int64_t refusals = 0;
  std::int64_t refused_at = 0;
  std::string reason;  // of the last refusal
  std::int64_t forgotten_at = 0;  // when nothing is left to refuse it for
  std::string known;  // addresses an account has logged in from: "192.0.2.7 1700000000000\n"...
};

class LimitRecords {
  struct Statements {
    explicit Statements(Database& database);
    Statement put, remove, count, prune, lift, empty;
  };

 public:
  enum class Open { create, existing };
  // Errors: library_not_found when there is none yet.
  LimitRecords(const std::string& state_directory, Open how);

  class Update {
   public:
    explicit Update(LimitRecords& records);
    void put(const LimitRecord& record);
    void remove(std::string_view kind, std::string_view name);
    void add_refusals(std::string_view reason, std::uint64_t count);
    // Rows that say nothing any more go, and the oldest beyond `most`.
    void prune(std::int64_t now, std::int64_t most);
    // Nothing is held against that name any more, or against anybody ("all").
    void lift(std::string_view name);
    // What somebody wants forgotten.
    std::optional<std::string> next_wish();
    void commit() { transaction_.commit(); }

   private:
    LimitRecords& records_;
    Transaction transaction_;
    Statements& statements_;
  };

  std::vector<LimitRecord> all();
  // How often somebody was refused, by reason, ever since the file was made.
  std::map<std::string, std::int64_t> refusals();

  void wish(const std::string& what) { forget_.send(what); }
  bool has_wishes() { return forget_.describe().entries > 0; }
  Watch watch_wishes() { return forget_.watch(); }

 private:
  Library library_;
  DataQueue forget_;
  OnDatabase<Statements> statements_;
};

}  // namespace usher
