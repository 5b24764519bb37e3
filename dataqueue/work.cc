#include "dataqueue/work.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "dataqueue/fault_point.h"
#include "dataqueue/identity.h"
#include "dataqueue/member.h"

namespace usher {
namespace {

constexpr std::uint64_t kNumbersAtOnce = 4096;  // one more page is written once in so many sends

std::chrono::system_clock::time_point now_in_microseconds() {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

bool may_be_handed(const QueueRecord& queue) {
  return !queue.attributes.force && queue.attributes.max_entries == 0;
}

}  // namespace

Transaction::Work::Work(LibraryState& library, Instant deadline, Repair repair)
    : library_(library), generation_(library.generation()) {
  library_.lock(deadline);
  has_lock_ = true;
  try {
    take_turn(deadline, repair);
  } catch (...) {
    release_turn();
    throw;
  }
}

Transaction::Work::~Work() {
  release_turn();
}

void Transaction::Work::take_turn(Instant deadline, Repair how) {
  Control& control = library_.sidecar().control();
  const Outcome outcome = control.turn.lock(deadline);
  if (outcome == Outcome::timed_out) throw Error(ErrorCode::busy, "use " + library_.path() + ": no turn in time");
  has_turn_ = true;
  fault::point("turn taken");
  library_.check_still_there();
  library_.connection().database.set_busy_deadline(std::max(deadline, turn_deadline()));
  if (outcome == Outcome::owner_died || how == Repair::in_full || library_.needs_repair()) repair();
  if (outcome == Outcome::owner_died) slots().alarm_all();
}

// What was kept for the dead is offered, and their leases are ended, before their slots are freed: who dies in between
// leaves an entry kept twice, not lost, and the next one begins again.
void Transaction::Work::repair() {
  const std::vector<SlotNumber> dead = slots().dead();
  for (const SlotNumber slot : dead) pass_on(slot);
  end_leases_of_the_dead();
  commit_in_turn();
  fault::point("dead heard");
  for (const SlotNumber slot : dead) {
    slots().bury(slot);
    fault::point("one buried");
  }
}

// What the slot was chosen for, to others. An entry that was handed over is stored; a repair that did not come to its
// end may have done so.
void Transaction::Work::pass_on(SlotNumber slot) {
  const Tag tag = slots().look(slot);
  Choice choice = slots().choice_of(slot);
  if (choice.handed) {
    const auto queue = catalog().read_number(tag.queue);
    if (!queue) return;
    choice.place = place_of(*queue, *choice.handed);
    if (!entries().at(*choice.place, 0)) return put(*queue, *choice.handed);
  }
  if (choice.place && entries().at(*choice.place, 0)) sent_.push_back(std::move(*choice.place));
}

void Transaction::Work::end_leases_of_the_dead() {
  Control& control = library_.sidecar().control();
  for (const Holder& holder : leases().holders()) {
    if (holder.epoch == control.epoch && slots().member_lives(holder.incarnation)) continue;
    for (const LeasedEntry& leased : leases().of(holder)) give_back(leased);
  }
  after_commit([&control] { control.leases_known = 1; });
}

void Transaction::Work::release_turn() noexcept {
  if (!std::exchange(has_lock_, false)) return;
  if (generation_ != library_.generation()) {  // in a child of the process that has the turn
    if (transaction_) transaction_->forget();
    return;
  }
  transaction_.reset();
  if (std::exchange(has_turn_, false)) library_.sidecar().control().turn.unlock();
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

LeaseStore& Transaction::Work::leases() {
  begin();
  return library_.connection().leases;
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

void Transaction::Work::waits_for_disk() {
  force_ = library_.durability() == Durability::library;
}

void Transaction::Work::catalog_changes() {
  library_.sidecar().control().catalog.fetch_add(1);
}

void Transaction::Work::send(const QueueRecord& queue, std::string_view data, const Key* key, MayHandOver may) {
  Entry entry;
  entry.key = checked_key(queue, key);
  check_length(queue, data);
  entry.data = data;
  entry.enqueued = now_in_microseconds();
  if (queue.attributes.sender_id) entry.sender = current_sender();
  entry.number = next_number();
  const bool may_hand_over = may == MayHandOver::yes && may_be_handed(queue) && !transaction_;
  if (may_hand_over && slots().hand_over(queue.number, entry)) return;
  put_counted(queue, entry);
}

bool Transaction::Work::receiver_is_on_its_way(const QueueRecord& queue, std::string_view data) {
  return may_be_handed(queue) && data.size() <= kMaxHanded &&
         library_.sidecar().control().served.lately(queue.number) && !slots().is_awaited(queue.number);
}

void Transaction::Work::let_receivers_first(const QueueRecord& queue) {
  Control& control = library_.sidecar().control();
  if (!sent_.empty() && control.served.lately(queue.number)) control.turn.forgo_window();
}

void Transaction::Work::restore(const QueueRecord& queue, const Entry& entry) {
  const Key key = Key::bytes(entry.key);
  Entry restored = entry;
  restored.key = checked_key(queue, entry.key.empty() ? nullptr : &key);
  check_length(queue, entry.data);
  if (!queue.attributes.sender_id) restored.sender.reset();
  restored.number = next_number();
  put_counted(queue, restored);
}

void Transaction::Work::put_counted(const QueueRecord& queue, const Entry& entry) {
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

std::optional<Entry> Transaction::Work::take_out(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                                 const std::optional<EntryPlace>& place, std::size_t limit) {
  std::optional<Entry> entry;
  if (place && place->queue == queue.number) entry = entries().at(*place, limit);
  if (!entry) entry = look(queue, which, Among::unreserved, limit);
  if (!entry) return std::nullopt;
  changed_ = true;
  entries().remove(place_of(queue, *entry));
  fault::point("entry removed");
  std::erase_if(sent_, [&](const EntryPlace& sent) { return sent.number == entry->number; });
  force_ = force_ || queue.attributes.force;
  return entry;
}

std::optional<Entry> Transaction::Work::take(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                             const Choice& choice, std::size_t limit) {
  if (choice.handed && choice.queue == queue.number) {
    auto entry = choice.handed;
    if (limit < entry->data.size()) entry->data.resize(limit);
    return entry;
  }
  auto entry = take_out(queue, which, choice.place, limit);
  if (entry && queue.attributes.max_entries != 0) catalog().add_to_count(queue.number, -1);
  return entry;
}

// It counts towards max_entries as long as it may come back.
std::optional<LeasedEntry> Transaction::Work::lease(const QueueRecord& queue, const std::optional<KeyCondition>& which,
                                                    const Choice& choice) {
  auto entry = take_out(queue, which, choice.place, kWholeEntry);
  if (!entry) return std::nullopt;
  ++entry->deliveries;
  const Holder self{library_.sidecar().control().epoch, library_.member().incarnation(), ::getpid()};
  LeasedEntry leased{next_number(), queue.number, std::move(*entry), self};
  leases().insert(leased);
  return leased;
}

LeasedEntry Transaction::Work::end_lease(std::uint64_t lease) {
  auto leased = leases().find(lease);
  if (!leased || !leases().remove(lease)) {
    throw Error(ErrorCode::lease_lost,
                "lease " + std::to_string(lease) + " is over: completed, released, or its queue deleted");
  }
  changed_ = true;
  return std::move(*leased);
}

void Transaction::Work::complete(std::uint64_t lease) {
  const LeasedEntry leased = end_lease(lease);
  const auto queue = catalog().read_number(leased.queue);
  if (!queue) return;
  force_ = force_ || queue->attributes.force;
  if (queue->attributes.max_entries != 0) catalog().add_to_count(queue->number, -1);
}

void Transaction::Work::release(std::uint64_t lease) {
  give_back(end_lease(lease));
}

void Transaction::Work::give_back(const LeasedEntry& leased) {
  leases().remove(leased.lease);
  changed_ = true;
  const auto queue = catalog().read_number(leased.queue);
  if (queue && !move_to_dead_letter(*queue, leased)) put(*queue, leased.entry);
}

// An entry that has been delivered as often as it may goes to the dead-letter queue, whatever limit that has: it must
// not be lost. False: it stays, also where that queue is gone.
bool Transaction::Work::move_to_dead_letter(const QueueRecord& queue, const LeasedEntry& leased) {
  const QueueAttributes& attributes = queue.attributes;
  if (attributes.max_deliveries == 0 || leased.entry.deliveries < attributes.max_deliveries) return false;
  const auto target = catalog().find_if_there(attributes.dead_letter);
  if (!target || !target->takes_entries_of(queue)) return false;
  Entry entry = leased.entry;
  entry.number = next_number();
  if (!target->is_keyed()) entry.key.clear();
  if (attributes.max_entries != 0) catalog().add_to_count(queue.number, -1);
  if (target->attributes.max_entries != 0) catalog().count_in(target->number);
  put(*target, entry);
  return true;
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
  pass_on(watch);
  after_commit([this, watch] { slots().leave(watch); });
}

void Transaction::Work::take_back_handed(std::uint32_t queue) {
  for (const SlotNumber slot : slots().handed(queue, std::nullopt)) {
    after_commit([this, slot] { slots().take_back(slot); });
  }
}

// Also what was handed to a receiver that has not taken it yet: if that died, it would be back after the clear.
std::uint64_t Transaction::Work::clear(const QueueRecord& queue, const std::optional<KeyCondition>& which) {
  std::uint64_t count = entries().clear(queue, which);
  for (const SlotNumber slot : slots().handed(queue.number, which)) {
    after_commit([this, slot] { slots().take_back(slot); });
    ++count;
  }
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
    committed_ = control.log.count_commit();
    if (new_number_limit_ != 0) control.number_limit = new_number_limit_;
    library_.note_log_pages();
    changed_ = false;
  }
  for (const auto& action : after_commit_) action();
  after_commit_.clear();
  fault::point("about to give the turn back");
}

void Transaction::Work::end() {
  const bool to_disk = force_ && committed_.commit != 0;
  release_turn();
  fault::point("turn given back");
  if (to_disk) library_.wait_for_disk(committed_);
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
  const LeaseStore::OfQueue leased = leases().of_queue(queue.number);
  description.leased = leased.entries;
  for (const Holder& holder : leased.holders) description.lease_holders.push_back(holder.pid);
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
