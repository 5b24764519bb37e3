#include "dataqueue/slot_table.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "dataqueue/entry_time.h"
#include "dataqueue/fault_point.h"

namespace usher {
namespace {

bool in_ring(SlotKind kind) {
  return kind == SlotKind::receiver || kind == SlotKind::peeker || kind == SlotKind::member;
}
bool takes_entries(SlotKind kind) {
  return kind == SlotKind::receiver || kind == SlotKind::watch;
}
bool waits(SlotKind kind) {
  return takes_entries(kind) || kind == SlotKind::peeker;
}

void store(StoredKey& stored, std::string_view key) {
  stored.length = static_cast<std::uint16_t>(std::min(key.size(), kMaxKeyLength));
  if (!key.empty()) std::memcpy(stored.bytes, key.data(), stored.length);
}

std::string_view load(const StoredKey& stored) {
  return {reinterpret_cast<const char*>(stored.bytes), std::min<std::size_t>(stored.length, kMaxKeyLength)};
}

bool fits(const Entry& entry) {
  if (entry.data.size() > kMaxHanded) return false;
  return !entry.sender ||
         (entry.sender->job.size() <= kMaxHandedSender && entry.sender->current_user.size() <= kMaxHandedSender);
}

void write_handed(HandedEntry& handed, const Entry& entry) {
  handed.enqueued_us = microseconds_of(entry.enqueued);
  handed.length = static_cast<std::uint16_t>(entry.data.copy(handed.data, kMaxHanded));
  handed.has_sender = entry.sender ? 1 : 0;
  if (!entry.sender) return;
  handed.job_length = static_cast<std::uint8_t>(entry.sender->job.copy(handed.job, kMaxHandedSender));
  handed.user_length = static_cast<std::uint8_t>(entry.sender->current_user.copy(handed.user, kMaxHandedSender));
}

Entry read_handed(const Slot& slot) {
  const HandedEntry& handed = slot.handed;
  Entry entry;
  entry.number = slot.entry;
  entry.key = load(slot.entry_key);
  entry.length = std::min<std::size_t>(handed.length, kMaxHanded);
  entry.data.assign(handed.data, entry.length);
  entry.enqueued = time_of(handed.enqueued_us);
  const auto text = [](const char* bytes, std::size_t length) {
    return std::string(bytes, std::min(length, kMaxHandedSender));
  };
  if (handed.has_sender != 0)
    entry.sender = {text(handed.job, handed.job_length), text(handed.user, handed.user_length)};
  return entry;
}

}  // namespace

std::uint32_t SlotTable::occupied() const noexcept {
  return std::min(control_.occupied.load(), sidecar_.slots());
}

std::optional<SlotNumber> SlotTable::enter(SlotKind kind, const Interest& interest) {
  return enter_for(kind, interest, [this](SlotNumber slot) { return at(slot).life.show_life(); });
}

std::optional<SlotNumber> SlotTable::enter_for(SlotKind kind, const Interest& interest,
                                               const std::function<bool(SlotNumber)>& show_life) {
  // The life of one who died just now, before it had published its slot, may not have been taken from it yet: then the
  // next slot is tried.
  for (SlotNumber slot = free_slot();; slot = free_slot(slot + 1)) {
    const SlotNumber neighbour = before(slot);
    if (neighbour != slot && !is_alive(neighbour)) return std::nullopt;
    if (!show_life(slot)) continue;
    fill(slot, interest);
    enter_ring(slot, neighbour, {.kind = kind, .queue = interest.queue});
    return slot;
  }
}

void SlotTable::enter_ring(SlotNumber slot, SlotNumber neighbour, Tag value) {
  const SlotNumber behind = after(slot);
  fault::point("slot filled");
  publish(slot, value);
  fault::point("slot published");
  if (behind != slot) hand_sleeper_on(behind, neighbour, slot);
  fault::point("ring entered");
}

SlotNumber SlotTable::enter_watch(SlotNumber member, const Interest& interest) {
  const SlotNumber slot = free_slot();
  fill(slot, interest);
  at(slot).member = member;
  at(slot).member_incarnation = at(member).incarnation.load();
  publish(slot, {.kind = SlotKind::watch, .queue = interest.queue});
  return slot;
}

bool SlotTable::leave(SlotNumber slot) {
  if (!in_ring(look(slot).kind)) {
    clear(slot);
    return true;
  }
  const SlotNumber neighbour = before(slot);
  if (!is_alive(neighbour)) return false;
  const SlotNumber behind = after(slot);
  clear(slot);
  fault::point("slot cleared");
  if (behind != slot) hand_sleeper_on(behind, slot, neighbour);
  fault::point("ring left");
  at(slot).life.end_life();
  return true;
}

void SlotTable::bury(SlotNumber slot) {
  const bool ring = in_ring(look(slot).kind);
  const SlotNumber neighbour = before(slot);
  const SlotNumber behind = after(slot);
  clear(slot);
  if (ring && behind != slot) hand_sleeper_on(behind, slot, neighbour);
}

// The word changes first: a sleeper who is not yet queued on `from` then fails to fall asleep and looks again; and one
// that is not asleep now need not be moved (as in wake()). Should `to` have died meanwhile, the kernel may have looked
// for sleepers too early: then this wakes it.
void SlotTable::hand_sleeper_on(SlotNumber sleeper, SlotNumber from, SlotNumber to) {
  at(sleeper).word.fetch_add(1);
  fault::point("neighbour's word changed");
  if (at(sleeper).asleep.load() == 0) return;
  futex::move_sleepers(at(from).life.word(), at(to).life.word());
  if (!at(to).life.shows_life()) futex::wake_all(at(sleeper).word);
}

SlotNumber SlotTable::free_slot(SlotNumber from) {
  const std::uint32_t room = sidecar_.slots();
  for (SlotNumber slot = from; slot < room; ++slot) {
    if (tag(slot).load(std::memory_order_relaxed) == 0) return slot;
  }
  sidecar_.grow();
  return room;
}

void SlotTable::fill(SlotNumber number, const Interest& interest) {
  Slot& slot = at(number);
  slot.asleep = 0;
  slot.pid = ::getpid();
  const std::uint64_t place = control_.next_arrival.fetch_add(1) + 1;
  slot.incarnation = place;
  slot.keyed = interest.key ? 1 : 0;
  if (interest.key) {
    slot.order = interest.key->order;
    store(slot.key, interest.key->key);
  }
  slot.entry = 0;
  slot.takes_hand = interest.takes_hand ? 1 : 0;
  arrival(number).store(place, std::memory_order_relaxed);
}

void SlotTable::publish(SlotNumber slot, Tag value) {
  if (control_.occupied.load() <= slot) control_.occupied.store(slot + 1);
  tag(slot).store(encode(value), std::memory_order_release);
}

void SlotTable::clear(SlotNumber slot) {
  tag(slot).store(0, std::memory_order_release);
  std::uint32_t end = occupied();
  while (end > 0 && tag(end - 1).load(std::memory_order_relaxed) == 0) --end;
  control_.occupied.store(end);
}

// The next occupied ring slot below, going round; `slot` itself when there is no other.
SlotNumber SlotTable::before(SlotNumber slot) const {
  const std::uint32_t count = std::max(occupied(), slot + 1);
  for (std::uint32_t step = 1; step < count; ++step) {
    const SlotNumber other = (slot + count - step) % count;
    if (in_ring(look(other).kind)) return other;
  }
  return slot;
}

SlotNumber SlotTable::after(SlotNumber slot) const {
  const std::uint32_t count = std::max(occupied(), slot + 1);
  for (std::uint32_t step = 1; step < count; ++step) {
    const SlotNumber other = (slot + step) % count;
    if (in_ring(look(other).kind)) return other;
  }
  return slot;
}

void SlotTable::wait_on(SlotNumber slot, const Interest& interest) {
  const std::uint64_t place = arrival(slot).load(std::memory_order_relaxed);
  const SlotKind kind = look(slot).kind;
  fill(slot, interest);
  arrival(slot).store(place, std::memory_order_relaxed);
  publish(slot, {.kind = kind, .queue = interest.queue});
}

bool SlotTable::suits(const Slot& slot, std::string_view key) {
  return slot.keyed == 0 || stands_in(slot.order, key, load(slot.key));
}

SlotTable::Candidates SlotTable::candidates(std::uint32_t queue, std::string_view key) const {
  Candidates found;
  std::uint64_t earliest = UINT64_MAX;
  const std::uint32_t end = occupied();
  for (SlotNumber slot = 0; slot < end; ++slot) {
    const Tag there = decode_tag(tag(slot).load(std::memory_order_relaxed));
    if (there.queue != queue || !waits(there.kind)) continue;
    found.seen = found.seen || there.kind == SlotKind::peeker;
    if (there.chosen) continue;
    if (there.kind == SlotKind::peeker) {
      if (suits(at(slot), key)) found.peekers.push_back(slot);
      continue;
    }
    const std::uint64_t came = arrival(slot).load(std::memory_order_relaxed);
    if (came < earliest && suits(at(slot), key) && is_alive(slot)) {
      found.longest = slot;
      earliest = came;
    }
  }
  return found;
}

void SlotTable::offer(const EntryPlace& entry) {
  const Candidates found = candidates(entry.queue, entry.key);
  for (const SlotNumber peeker : found.peekers) choose(peeker, nullptr);
  if (found.longest) choose(*found.longest, &entry);
}

bool SlotTable::hand_over(std::uint32_t queue, const Entry& entry) {
  if (control_.occupied.load(std::memory_order_relaxed) == 0 || !fits(entry)) return false;
  const Candidates found = candidates(queue, entry.key);
  if (!found.longest || found.seen || at(*found.longest).takes_hand == 0) return false;
  const SlotNumber slot = *found.longest;
  choose(slot, nullptr);
  write_handed(at(slot).handed, entry);
  at(slot).entry = entry.number;
  store(at(slot).entry_key, entry.key);
  fault::point("entry written");
  Tag handed = look(slot);
  handed.handed = true;
  publish(slot, handed);
  fault::point("entry handed over");
  return true;
}

void SlotTable::accept_handed(SlotNumber slot) {
  Tag accepted = look(slot);
  accepted.handed = false;
  at(slot).entry = 0;
  publish(slot, accepted);
}

std::vector<SlotNumber> SlotTable::handed(std::uint32_t queue, const std::optional<KeyCondition>& which) const {
  std::vector<SlotNumber> found;
  for (SlotNumber slot = 0; slot < occupied(); ++slot) {
    const Tag there = look(slot);
    if (there.queue != queue || !there.handed || !takes_entries(there.kind)) continue;
    if (!which || stands_in(which->order, load(at(slot).entry_key), which->key)) found.push_back(slot);
  }
  return found;
}

void SlotTable::choose(SlotNumber number, const EntryPlace* entry) {
  Slot& slot = at(number);
  slot.entry = entry == nullptr ? 0 : entry->number;
  if (entry != nullptr) store(slot.entry_key, entry->key);
  Tag chosen = look(number);
  chosen.chosen = true;
  fault::point("choice noted");
  publish(number, chosen);
  fault::point("choice published");
  wake(chosen.kind == SlotKind::watch ? std::min(slot.member.load(), kMaxSlots - 1) : number);
}

// The change of the word and the look at `asleep` stand in one order for everybody, as their counterparts in sleep()
// do.
void SlotTable::wake(SlotNumber slot) {
  at(slot).word.fetch_add(1);
  fault::point("word changed");
  if (at(slot).asleep.load() != 0) futex::wake_all(at(slot).word);
}

void SlotTable::alarm(std::uint32_t queue) {
  for (SlotNumber slot = 0; slot < occupied(); ++slot) {
    const Tag found = look(slot);
    if (found.queue == queue && waits(found.kind) && !found.chosen) choose(slot, nullptr);
  }
}

void SlotTable::alarm_all() {
  for (SlotNumber slot = 0; slot < occupied(); ++slot) {
    const Tag found = look(slot);
    if (waits(found.kind) && !found.chosen) choose(slot, nullptr);
    at(slot).word.fetch_add(1);
    futex::wake_all(at(slot).word);
  }
}

std::vector<std::uint64_t> SlotTable::reserved(std::uint32_t queue) const {
  std::vector<std::uint64_t> numbers;
  const std::uint32_t end = occupied();
  for (SlotNumber slot = 0; slot < end; ++slot) {
    const Tag found = decode_tag(tag(slot).load(std::memory_order_relaxed));
    if (found.queue != queue || !found.chosen || !takes_entries(found.kind)) continue;
    if (at(slot).entry != 0) numbers.push_back(at(slot).entry);
  }
  return numbers;
}

Choice SlotTable::choice_of(SlotNumber number) const {
  const Tag found = look(number);
  const Slot& slot = at(number);
  if (!found.chosen || !takes_entries(found.kind) || slot.entry == 0) return {};
  if (found.handed) return {.handed = read_handed(slot), .queue = found.queue};
  return {.place = EntryPlace{found.queue, slot.entry, std::string(load(slot.entry_key))}};
}

bool SlotTable::is_alive(SlotNumber slot) const {
  if (look(slot).kind != SlotKind::watch) return at(slot).life.shows_life();
  const SlotNumber member = at(slot).member;
  return member < sidecar_.slots() && look(member).kind == SlotKind::member &&
         at(member).incarnation == at(slot).member_incarnation && at(member).life.shows_life();
}

bool SlotTable::member_lives(std::uint64_t incarnation) const {
  for (SlotNumber slot = 0; slot < occupied(); ++slot) {
    if (look(slot).kind == SlotKind::member && at(slot).incarnation == incarnation) return is_alive(slot);
  }
  return false;
}

bool SlotTable::needs_repair() const {
  const std::uint32_t end = occupied();
  for (SlotNumber slot = 0; slot < end; ++slot) {
    const Tag found = decode_tag(tag(slot).load(std::memory_order_relaxed));
    if ((found.chosen || found.kind == SlotKind::member) && !is_alive(slot)) return true;
  }
  return false;
}

std::vector<SlotNumber> SlotTable::dead() const {
  std::vector<SlotNumber> watches;
  std::vector<SlotNumber> others;
  for (SlotNumber slot = 0; slot < occupied(); ++slot) {
    const SlotKind kind = look(slot).kind;
    if (kind == SlotKind::free || is_alive(slot)) continue;
    (kind == SlotKind::watch ? watches : others).push_back(slot);
  }
  watches.insert(watches.end(), others.begin(), others.end());
  return watches;
}

std::uint32_t SlotTable::count_waiting(std::uint32_t queue) const {
  std::uint32_t count = 0;
  for (SlotNumber slot = 0; slot < occupied(); ++slot) {
    const Tag found = look(slot);
    if (found.queue == queue && waits(found.kind) && is_alive(slot)) ++count;
  }
  return count;
}

bool SlotTable::known_empty(std::uint32_t queue) const noexcept {
  const auto& word = sidecar_.layout().empty[(queue & kMaxQueueNumber) / 64];
  return ((word.load(std::memory_order_relaxed) >> (queue % 64)) & 1) != 0;
}

void SlotTable::note_empty(std::uint32_t queue, bool empty) noexcept {
  auto& word = sidecar_.layout().empty[(queue & kMaxQueueNumber) / 64];
  const std::uint64_t bit = std::uint64_t{1} << (queue % 64);
  word.store(empty ? word.load() | bit : word.load() & ~bit);
}

bool SlotTable::is_awaited(std::uint32_t queue) const noexcept {
  const std::uint32_t end = occupied();
  for (SlotNumber slot = 0; slot < end; ++slot) {
    const Tag there = look(slot);
    if (there.queue == queue && takes_entries(there.kind) && !there.chosen) return true;
  }
  return false;
}

bool SlotTable::sleep(SlotNumber number, std::uint32_t seen, Instant deadline) {
  Slot& slot = at(number);
  const futex::Word& guarded = at(before(number)).life.word();
  const std::uint32_t life = guarded.load();
  if (!RobustMutex::is_alive(life)) return slot.word.load() != seen;
  slot.asleep.store(1);
  futex::wait({&guarded, life}, {&slot.word, seen}, deadline);
  slot.asleep.store(0, std::memory_order_relaxed);
  return RobustMutex::is_alive(guarded.load()) || slot.word.load() != seen;
}

}  // namespace usher
