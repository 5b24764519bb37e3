// SQL of one's own in a transaction on data queues: a library opened with a client schema holds other tables too, and
// what changes there and in the queues happens together or not at all.
//
//   auto library = open_library(path, {.how = {.create = true, .durability = Durability::process}, .clients =
//   {kJobs}}); Transaction transaction(library); if (auto id = transaction.receive(ready, {KeyOrder::eq,
//   Key::text(pool)})) {
//     Statement assign = database_of(transaction).prepare("UPDATE job SET state = 'assigned' WHERE id = ?1");
//     assign.run(Blob{id->data});
//   }
//   transaction.commit();
//
// Statements may be kept as long as the Database they were prepared on. That is one until the process forks; after a
// fork a new one is opened, and OnDatabase makes what it keeps anew.
#pragma once

#include <memory>

#include "dataqueue/library_state.h"
#include "dataqueue/sqlite.h"
#include "dataqueue/work.h"
#include "usher/data_queue.h"

namespace usher {

// The database, in the transaction.
Database& database_of(Transaction& transaction);

// An entry as it was elsewhere: with its time, deliveries and, where the queue keeps it, sender; its number is new.
// Errors: as send().
void restore(Transaction& transaction, const DataQueue& queue, const Entry& entry);

// Runs `read(Database&)` in a read transaction, without a turn.
template <class Read>
auto read_library(Library& library, Read read) {
  Reading reading(*library.state(), turn_deadline());
  return read(reading.database());
}

// Things prepared on the database of a library, made when first asked for and again when the database was opened anew.
template <class Prepared>
class OnDatabase {
 public:
  Prepared& of(Transaction& transaction) {
    Database& database = database_of(transaction);
    if (made_ == nullptr || serial_ != database.serial()) {
      made_ = std::make_unique<Prepared>(database);
      serial_ = database.serial();
    }
    return *made_;
  }

 private:
  std::unique_ptr<Prepared> made_;
  std::uint64_t serial_ = 0;
};

}  // namespace usher
