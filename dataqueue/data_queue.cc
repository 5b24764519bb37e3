#include "usher/data_queue.h"

#include "dataqueue/fault_point.h"
#include "dataqueue/waiter.h"
#include "dataqueue/work.h"

namespace usher {
namespace {

using Work = Transaction::Work;

Instant end_of(Wait wait) {
  return wait.is_for_ever() ? Instant::max() : Clock::now() + wait.duration();
}

// One call of receive or peek, waits included.
struct Demand {
  LibraryState& library;
  const std::string& name;
  const KeySelection* which;
  Wait wait;
  std::size_t limit;
  bool remove;

  std::optional<Entry> meet();

 private:
  std::optional<Entry> take(Work& work, Waiter& waiter, const QueueRecord& queue,
                            const std::optional<KeyCondition>& key);
  static void step_out(Waiter& waiter);
};

std::optional<Entry> Demand::take(Work& work, Waiter& waiter, const QueueRecord& queue,
                                  const std::optional<KeyCondition>& key) {
  if (!remove) return work.look(queue, key, Work::Among::all, limit);
  return work.take(queue, key, waiter.place(), limit);
}

// The call is over. A dead neighbour, if there is one, finds its own way to be put right when this slot seems dead too.
void Demand::step_out(Waiter& waiter) {
  (void)waiter.leave();
}

// The first turn must come within the wait, or 10 s; later ones, in which something may be waiting for this receiver
// already, within 10 s.
std::optional<Entry> Demand::meet() {
  const Instant end = end_of(wait);
  Waiter waiter(library, remove ? SlotKind::receiver : SlotKind::peeker);
  Instant turn_by = wait.is_none() ? turn_deadline() : end;
  auto repair = Work::Repair::when_needed;
  while (true) {
    Work work(library, turn_by, repair);
    const QueueRecord& queue = work.queue(name);
    const bool force = queue.attributes.force;
    const std::optional<KeyCondition> key = checked_selection(queue, which);
    auto entry = take(work, waiter, queue, key);
    if (entry || Clock::now() >= end) {
      if (entry && remove) work.commit_in_turn();
      step_out(waiter);
      work.end();
      return entry;
    }
    const bool standing = waiter.stand({queue.number, key});
    work.end();
    fault::point("standing");
    const bool all_live = standing && waiter.sleep(end, !force);
    fault::point("awake");
    repair = all_live ? Work::Repair::when_needed : Work::Repair::in_full;
    turn_by = turn_deadline();
  }
}

}  // namespace

void DataQueue::send(std::string_view data) {
  Work work(*library_, turn_deadline());
  work.send(work.queue(name_), data, nullptr);
  work.commit();
}

void DataQueue::send(std::string_view data, const Key& key) {
  Work work(*library_, turn_deadline());
  work.send(work.queue(name_), data, &key);
  work.commit();
}

std::optional<Entry> DataQueue::receive(Wait wait, std::size_t limit) {
  return Demand{*library_, name_, nullptr, wait, limit, true}.meet();
}

std::optional<Entry> DataQueue::receive(const KeySelection& which, Wait wait, std::size_t limit) {
  return Demand{*library_, name_, &which, wait, limit, true}.meet();
}

namespace {

std::optional<Entry> peek_now(LibraryState& library, const std::string& name, const KeySelection* which,
                              std::size_t limit) {
  Reading reading(library, turn_deadline());
  const QueueRecord queue = reading.catalog().read(name);
  return reading.entries().first(queue, checked_selection(queue, which), {}, limit);
}

}  // namespace

std::optional<Entry> DataQueue::peek(Wait wait, std::size_t limit) {
  if (wait.is_none()) return peek_now(*library_, name_, nullptr, limit);
  return Demand{*library_, name_, nullptr, wait, limit, false}.meet();
}

std::optional<Entry> DataQueue::peek(const KeySelection& which, Wait wait, std::size_t limit) {
  if (wait.is_none()) return peek_now(*library_, name_, &which, limit);
  return Demand{*library_, name_, &which, wait, limit, false}.meet();
}

namespace {

std::uint64_t clear_queue(LibraryState& library, const std::string& name, const KeySelection* which) {
  Work work(library, turn_deadline());
  const QueueRecord& queue = work.queue(name);
  const auto key = which == nullptr ? std::nullopt : checked_selection(queue, which);
  const std::uint64_t count = work.clear(queue, key);
  work.commit();
  return count;
}

}  // namespace

std::uint64_t DataQueue::clear() {
  return clear_queue(*library_, name_, nullptr);
}

std::uint64_t DataQueue::clear(const KeySelection& which) {
  return clear_queue(*library_, name_, &which);
}

QueueAttributes DataQueue::attributes() {
  Reading reading(*library_, turn_deadline());
  return reading.catalog().read(name_).attributes;
}

QueueDescription DataQueue::describe() {
  Reading reading(*library_, turn_deadline());
  return reading.describe(reading.catalog().read(name_));
}

}  // namespace usher
