#include "usher/data_queue.h"

#include "dataqueue/demand.h"
#include "dataqueue/lease_state.h"
#include "dataqueue/spin.h"

namespace usher {
namespace {

using Work = Transaction::Work;
using Which = std::optional<KeyCondition>;

void look_out_for_receiver(LibraryState& library, std::uint32_t queue) {
  static thread_local SpinHabit habit;
  (void)spin(habit, kLongestSpin, Instant::max(), [&] { return library.slots().is_awaited(queue); });
}

// A receiver that has just got an entry is mostly back before this one could be stored, and can be handed it then.
void send_one(LibraryState& library, const std::string& name, std::string_view data, const Key* key) {
  for (bool looked = false;; looked = true) {
    Work work(library, turn_deadline());
    const QueueRecord& queue = work.queue(name);
    if (!looked && work.receiver_is_on_its_way(queue, data)) {
      const std::uint32_t number = queue.number;
      work.end();
      look_out_for_receiver(library, number);
      continue;
    }
    work.send(queue, data, key, Work::MayHandOver::yes);
    work.let_receivers_first(queue);
    work.commit();
    return;
  }
}

std::optional<Entry> receive_one(const Demand& demand, std::size_t limit) {
  return meet(demand, [limit](Work& work, const QueueRecord& queue, const Which& key, const Choice& choice) {
    return work.take(queue, key, choice, limit);
  });
}

std::optional<Entry> peek_now(LibraryState& library, const std::string& name, const KeySelection* which,
                              std::size_t limit) {
  Reading reading(library, turn_deadline());
  const QueueRecord queue = reading.catalog().read(name);
  return reading.entries().first(queue, checked_selection(queue, which), {}, limit);
}

std::optional<Entry> peek_one(const Demand& demand, std::size_t limit) {
  if (demand.wait.is_none()) return peek_now(demand.library, demand.name, demand.which, limit);
  return meet(demand, [limit](Work& work, const QueueRecord& queue, const Which& key, const Choice&) {
    return work.look(queue, key, Work::Among::all, limit);
  });
}

std::vector<Entry> receive_several(const Demand& demand, std::size_t most, std::size_t limit) {
  if (most == 0) throw Error(ErrorCode::invalid_argument, "most: at least 1");
  auto batch = meet(demand, [=](Work& work, const QueueRecord& queue, const Which& key, const Choice& choice) {
    std::vector<Entry> entries;
    auto entry = work.take(queue, key, choice, limit);
    for (; entry; entry = work.take(queue, key, {}, limit)) {
      entries.push_back(std::move(*entry));
      if (entries.size() == most) break;
    }
    return entries.empty() ? std::nullopt : std::optional(std::move(entries));
  });
  return batch ? std::move(*batch) : std::vector<Entry>();
}

std::optional<LeasedEntry> lease_one(const Demand& demand) {
  demand.library.join();
  return meet(demand, [](Work& work, const QueueRecord& queue, const Which& key, const Choice& choice) {
    return work.lease(queue, key, choice);
  });
}

std::uint64_t clear_queue(LibraryState& library, const std::string& name, const KeySelection* which) {
  Work work(library, turn_deadline());
  const QueueRecord& queue = work.queue(name);
  const auto key = which == nullptr ? std::nullopt : checked_selection(queue, which);
  const std::uint64_t count = work.clear(queue, key);
  work.commit();
  return count;
}

}  // namespace

void DataQueue::send(std::string_view data) {
  send_one(*library_, name_, data, nullptr);
}

void DataQueue::send(std::string_view data, const Key& key) {
  send_one(*library_, name_, data, &key);
}

void DataQueue::send_batch(const std::vector<Outgoing>& entries) {
  Work work(*library_, turn_deadline());
  const QueueRecord& queue = work.queue(name_);
  for (const Outgoing& entry : entries) work.send(queue, entry.data, entry.key ? &*entry.key : nullptr);
  work.commit();
}

std::optional<Entry> DataQueue::receive(Wait wait, std::size_t limit) {
  return receive_one({*library_, name_, nullptr, wait, SlotKind::receiver, true}, limit);
}

std::optional<Entry> DataQueue::receive(const KeySelection& which, Wait wait, std::size_t limit) {
  return receive_one({*library_, name_, &which, wait, SlotKind::receiver, true}, limit);
}

std::vector<Entry> DataQueue::receive_batch(std::size_t most, Wait wait, std::size_t limit) {
  return receive_several({*library_, name_, nullptr, wait, SlotKind::receiver, true}, most, limit);
}

std::vector<Entry> DataQueue::receive_batch(const KeySelection& which, std::size_t most, Wait wait, std::size_t limit) {
  return receive_several({*library_, name_, &which, wait, SlotKind::receiver, true}, most, limit);
}

std::optional<Entry> DataQueue::peek(Wait wait, std::size_t limit) {
  return peek_one({*library_, name_, nullptr, wait, SlotKind::peeker}, limit);
}

std::optional<Entry> DataQueue::peek(const KeySelection& which, Wait wait, std::size_t limit) {
  return peek_one({*library_, name_, &which, wait, SlotKind::peeker}, limit);
}

std::optional<Lease> DataQueue::lease(Wait wait) {
  auto leased = lease_one({*library_, name_, nullptr, wait});
  if (!leased) return std::nullopt;
  return Lease(std::make_unique<Lease::State>(library_, std::move(*leased)));
}

std::optional<Lease> DataQueue::lease(const KeySelection& which, Wait wait) {
  auto leased = lease_one({*library_, name_, &which, wait});
  if (!leased) return std::nullopt;
  return Lease(std::make_unique<Lease::State>(library_, std::move(*leased)));
}

void DataQueue::complete(std::uint64_t lease) {
  Work work(*library_, turn_deadline());
  work.complete(lease);
  work.commit();
}

void DataQueue::release(std::uint64_t lease) {
  Work work(*library_, turn_deadline());
  work.release(lease);
  work.commit();
}

std::vector<Entry> DataQueue::list(const Listing& what) {
  Reading reading(*library_, turn_deadline());
  const QueueRecord queue = reading.catalog().read(name_);
  const auto key = what.key ? checked_selection(queue, &*what.key) : std::nullopt;
  return reading.entries().list(queue, key, what);
}

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
