#include "dataqueue/lease_state.h"
#include "dataqueue/library_transaction.h"
#include "dataqueue/watch_state.h"
#include "dataqueue/work.h"
#include "usher/data_queue.h"

namespace usher {
namespace {

void check_same_library(Transaction::Work& work, const std::shared_ptr<LibraryState>& library) {
  if (&work.library() == library.get()) return;
  throw Error(ErrorCode::invalid_argument, "transaction: the queue was opened with another Library");
}

}  // namespace

Transaction::Transaction(Library& library, std::chrono::milliseconds turn_within)
    : Transaction(library.state(), turn_within) {}

Transaction::Transaction(const std::shared_ptr<LibraryState>& library, std::chrono::milliseconds turn_within)
    : library_(library), work_(std::make_unique<Work>(*library, Clock::now() + turn_within)) {}

Transaction::~Transaction() = default;

void Transaction::send(const DataQueue& queue, std::string_view data) {
  check_same_library(*work_, queue.library());
  work_->send(work_->queue(queue.name()), data, nullptr);
}

void Transaction::send(const DataQueue& queue, std::string_view data, const Key& key) {
  check_same_library(*work_, queue.library());
  work_->send(work_->queue(queue.name()), data, &key);
}

std::optional<Entry> Transaction::receive(const DataQueue& queue, std::size_t limit) {
  check_same_library(*work_, queue.library());
  const QueueRecord& record = work_->queue(queue.name());
  return work_->take(record, checked_selection(record, nullptr), {}, limit);
}

std::optional<Entry> Transaction::receive(const DataQueue& queue, const KeySelection& which, std::size_t limit) {
  check_same_library(*work_, queue.library());
  const QueueRecord& record = work_->queue(queue.name());
  return work_->take(record, checked_selection(record, &which), {}, limit);
}

std::optional<Entry> Transaction::receive(Watch& watch, std::size_t limit) {
  check_same_library(*work_, watch.state_->library);
  return watch.state_->receive(*work_, limit);
}

void Transaction::complete(Lease& lease) {
  check_same_library(*work_, lease.state_->library);
  lease.state_->check_open();
  work_->complete(lease.number());
  work_->after_commit([&lease] { lease.state_->over = true; });
}

void Transaction::commit() {
  work_->commit();
}

void restore(Transaction& transaction, const DataQueue& queue, const Entry& entry) {
  check_same_library(transaction.work(), queue.library());
  transaction.work().restore(transaction.work().queue(queue.name()), entry);
}

Database& database_of(Transaction& transaction) {
  return transaction.work().database();
}

}  // namespace usher
