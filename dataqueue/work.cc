#include "dataqueue/work.h"

#include <algorithm>
#include <utility>

#include "dataqueue/fault_point.h"
#include "dataqueue/identity.h"
#include "dataqueue/turn.h"

namespace usher {
namespace {

constexpr std::uint64_t kNumbersAtOnce = 4096;  // one more page is written once in so many sends

std::chrono::system_clock::time_point now_in_microseconds() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace

Transaction::Work::Work(LibraryState& library, Instant deadline, Repair repair)
    : library_(library), generation_(library.generation()) {
  library_.lock(deadline);
  has_lock_ = true;
  try {
    take_turn(deadline, repair);
  } catch (...) {
    give_back();
    throw;
  }
}

Transaction::Work::~Work() {
  give_back();
}

void Transaction::Work::take_turn(Instant deadline, Repair how) {
  Control& control = library_.sidecar().control();
  const Outcome outcome = usher::take_turn(control, deadline);
  if (outcome == Outcome::timed_out) throw Error(ErrorCode::busy, "use " + library_.path() + ": no turn in time");
  has_turn_ = true;
  fault::point("turn taken");
  library_.check_still_there();
  library_.connection().database.set_busy_deadline(std::max(deadline, turn_deadline()));
  if (outcome == Outcome::owner_died || how == Repair::in_full || slots().needs_repair()) repair();
  if (outcome == Outcome::owner_died) slots().alarm_all();
}

// An entry kept for a dead receiver is offered before the slot is freed: who dies in between leaves it kept twice, not
// lost.
void Transaction::Work::repair() {
  const std::vector<SlotNumber> dead = slots().dead();
  for (const SlotNumber slot : dead) {
    const auto place = slots().chosen_entry(slot);
    if (place && entries().at(*place, 0)) slots().offer(*place);
  }
  transaction_.reset();
  fault::point("dead heard");
  for (const SlotNumber slot : dead) {
    slots().bury(slot);
    fault::point("one buried");
  }
}

void Transaction::Work::give_back() noexcept {
  if (!std::exchange(has_lock_, false)) return;
  if (generation_ != library_.generation()) {  // in a child of the process that has the turn
    if (transaction_) transaction_->forget();
    return;
  }
  transaction_.reset();
  if (std::exchange(has_turn_, false)) give_turn_back(library_.sidecar().control());
  library_.unlock();
}

void Transaction::Work::begin() {
  if (!transaction_) transaction_.emplace(library_.connection().database);
}

Database& Transaction::Work::database() {
  begin();
  return library_.connection().database;
}

Catalog& Transaction::Work::catalog() {
  begin();
  return library_.connection().catalog;
}

EntryStore& Transaction::Work::entries() {
  begin();
  return library_.connection().entries;
}

const QueueRecord& Transaction::Work::queue(const std::string& name) {
  return library_.connection().catalog.find(name, library_.sidecar().control().catalog);
}

// The sidecar counts; the database promises a block of numbers at a time, so that a new sidecar begins above all that
// were used.
std::uint64_t Transaction::Work::next_number() {
  Control& control = library_.sidecar().control();
  if (control.next_number == 0) {
    const auto limit = database().value_of<std::uint64_t>("SELECT number_limit FROM library");
    control.number_limit = limit;
    control.next_number = limit;
  }
  const std::uint64_t number = control.next_number.fetch_add(1);
  if (number >= std::max(control.number_limit.load(), new_number_limit_)) {
    new_number_limit_ = number + kNumbersAtOnce;
    database().prepare("UPDATE library SET number_limit = ?1", Database::Use::once).run(new_number_limit_);
  }
  return number;
}

void Transaction::Work::catalog_changes() {
  library_.sidecar().control().catalog.fetch_add(1);
}

void Transaction::Work::send(const QueueRecord& queue, std::string_view data, const Key* key) {
  Entry entry;
  entry.key = checked_key(queue, key);
  check_length(queue, data);
  entry.data = data;
  entry.enqueued = now_in_microseconds();
  if (queue.attributes.sender_id) entry.sender = current_sender();
  entry.number = next_number();
  if (queue.attributes.max_entries != 0 && !catalog().add_to_count(queue.number, 1)) {
    throw Error(ErrorCode::queue_full, "queue " + queue.name + " holds " +
                                           std::to_string(queue.attributes.max_entries) + " entries, the most it may");
  }
  put(queue, entry);
}

void Transaction::Work::put(const QueueRecord& queue, const Entry& entry) {
  slots().note_empty(queue.number, false);
  entries().insert(queue, entry);
  fault::point("entry inserted");
  changed_ = true;
  sent_.push_back(place_of(queue, entry));
  force_ = force_ || queue.attributes.force;
}

std::optional<Entry> Transaction::Work::take(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                             const std::optional<EntryPlace>& place, std::size_t limit) {
  std::optional<Entry> entry;
  if (place && place->queue == queue.number) entry = entries().at(*place, limit);
  if (!entry) entry = look(queue, which, Among::unreserved, limit);
  if (!entry) return std::nullopt;
  changed_ = true;
  entries().remove(place_of(queue, *entry));
  fault::point("entry removed");
  std::erase_if(sent_, [&](const EntryPlace& sent) { return sent.number == entry->number; });
  if (queue.attributes.max_entries != 0) catalog().add_to_count(queue.number, -1);
  force_ = force_ || queue.attributes.force;
  return entry;
}

// That a queue is empty is noted only of what is committed: a roll-back could bring entries back.
std::optional<Entry> Transaction::Work::look(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                             Among among, std::size_t limit) {
  if (slots().known_empty(queue.number)) return std::nullopt;
  const Reserved reserved = among == Among::all ? Reserved() : slots().reserved(queue.number);
  auto entry = entries().first(queue, which, reserved, limit);
  if (!entry && !changed_ && entries().is_empty(queue)) slots().note_empty(queue.number, true);
  return entry;
}

// First the entry is somebody else's too, then the slot goes: who dies in between leaves it kept twice, not lost.
void Transaction::Work::disarm(SlotNumber watch) {
  const auto place = slots().chosen_entry(watch);
  if (place && entries().at(*place, 0)) slots().offer(*place);
  slots().leave(watch);
}

std::uint64_t Transaction::Work::clear(const QueueRecord& queue, const std::optional<KeyCondition>& which) {
  const std::uint64_t count = entries().clear(queue, which);
  changed_ = true;
  force_ = force_ || queue.attributes.force;
  if (queue.attributes.max_entries != 0) catalog().add_to_count(queue.number, -static_cast<std::int64_t>(count));
  return count;
}

void Transaction::Work::commit_in_turn() {
  for (const EntryPlace& place : sent_) slots().offer(place);
  sent_.clear();
  fault::point("receivers chosen");
  if (transaction_) {
    transaction_->commit();
    fault::point("committed");
    transaction_.reset();
    Control& control = library_.sidecar().control();
    commit_ = control.committed.fetch_add(1) + 1;
    if (new_number_limit_ != 0) control.number_limit = new_number_limit_;
    library_.note_log_pages();
    changed_ = false;
  }
  for (const auto& action : after_commit_) action();
  after_commit_.clear();
  fault::point("about to give the turn back");
}

void Transaction::Work::end() {
  const bool to_disk = force_ && commit_ != 0;
  give_back();
  fault::point("turn given back");
  if (to_disk) library_.sync_to_disk(commit_);
  library_.keep_log_short();
}

Reading::Reading(LibraryState& library, Instant deadline) : library_(library) {
  if (library.needs_repair()) Transaction::Work(library, deadline).end();
  library_.lock(deadline);
  try {
    library_.check_still_there();
    library_.connection().database.set_busy_deadline(deadline);
    transaction_.emplace(library_.connection().database);
  } catch (...) {
    release();
    throw;
  }
}

QueueDescription Reading::describe(const QueueRecord& queue) {
  QueueDescription description;
  description.name = queue.name;
  description.attributes = queue.attributes;
  const EntryStore::Totals totals = entries().totals(queue);
  description.entries = totals.entries;
  description.bytes = totals.bytes;
  description.oldest = totals.oldest;
  description.waiters = library_.count_waiting(queue.number);
  return description;
}

Reading::~Reading() {
  release();
}

void Reading::release() noexcept {
  transaction_.reset();
  library_.unlock();
}

}  // namespace usher
