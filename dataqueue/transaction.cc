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
  return work_->take(record, checked_selection(record, nullptr), std::nullopt, limit);
}

std::optional<Entry> Transaction::receive(const DataQueue& queue, const KeySelection& which, std::size_t limit) {
  check_same_library(*work_, queue.library());
  const QueueRecord& record = work_->queue(queue.name());
  return work_->take(record, checked_selection(record, &which), std::nullopt, limit);
}

std::optional<Entry> Transaction::receive(Watch& watch, std::size_t limit) {
  check_same_library(*work_, watch.state_->library);
  return watch.state_->receive(*work_, limit);
}

void Transaction::commit() {
  work_->commit();
}

Database& database_of(Transaction& transaction) {
  return transaction.work().database();
}

}  // namespace usher
