#include "dataqueue/slot_table.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "dataqueue/fault_point.h"

namespace usher {
namespace {

constexpr auto kSpin = std::chrono::microseconds(50);

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

bool pays_to_spin() {
  static const bool several = std::thread::hardware_concurrency() > 1;
  return several;
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True when the word changed within the spin.
bool changes_soon(const futex::Word& word, std::uint32_t seen, Instant deadline) {
  const Instant end = std::min(deadline, Clock::now() + kSpin);
  do {
    for (int i = 0; i < 32; ++i) {
      if (word.load(std::memory_order_acquire) != seen) return true;
      relax();
    }
  } while (Clock::now() < end);
  return false;
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
    enter_ring(slot, neighbour, {kind, false, interest.queue});
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
  at(slot).member_incarnation = at(member).incarnation;
  publish(slot, {SlotKind::watch, false, interest.queue});
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

// The word changes first: a sleeper who is not yet queued on `from` then fails to fall asleep and looks again. Should
// `to` have died meanwhile, the kernel may have looked for sleepers too early: then this wakes it.
void SlotTable::hand_sleeper_on(SlotNumber sleeper, SlotNumber from, SlotNumber to) {
  at(sleeper).word.fetch_add(1);
  fault::point("neighbour's word changed");
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
  slot.incarnation = control_.next_arrival.fetch_add(1) + 1;
  slot.keyed = interest.key ? 1 : 0;
  if (interest.key) {
    slot.order = interest.key->order;
    store(slot.key, interest.key->key);
  }
  slot.entry = 0;
  arrival(number).store(slot.incarnation, std::memory_order_relaxed);
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
  publish(slot, {kind, false, interest.queue});
}

bool SlotTable::suits(const Slot& slot, const EntryPlace& entry) const {
  return slot.keyed == 0 || stands_in(slot.order, entry.key, load(slot.key));
}

void SlotTable::offer(const EntryPlace& entry) {
  std::optional<SlotNumber> best;
  std::uint64_t best_arrival = UINT64_MAX;
  const std::uint32_t end = occupied();
  for (SlotNumber slot = 0; slot < end; ++slot) {
    const Tag found = decode_tag(tag(slot).load(std::memory_order_relaxed));
    if (found.queue != entry.queue || found.chosen || !waits(found.kind)) continue;
    if (found.kind == SlotKind::peeker) {
      if (suits(at(slot), entry)) choose(slot, nullptr);
      continue;
    }
    const std::uint64_t came = arrival(slot).load(std::memory_order_relaxed);
    if (came < best_arrival && suits(at(slot), entry) && is_alive(slot)) {
      best = slot;
      best_arrival = came;
    }
  }
  if (best) choose(*best, &entry);
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
  wake(chosen.kind == SlotKind::watch ? std::min(slot.member, kMaxSlots - 1) : number);
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

std::optional<EntryPlace> SlotTable::chosen_entry(SlotNumber number) const {
  const Tag found = look(number);
  const Slot& slot = at(number);
  if (!found.chosen || !takes_entries(found.kind) || slot.entry == 0) return std::nullopt;
  return EntryPlace{found.queue, slot.entry, slot.keyed != 0 ? std::string(load(slot.entry_key)) : std::string()};
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

bool SlotTable::sleep(SlotNumber number, std::uint32_t seen, Instant deadline, bool spin) {
  Slot& slot = at(number);
  if (spin && pays_to_spin() && changes_soon(slot.word, seen, deadline)) return true;
  const futex::Word& guarded = at(before(number)).life.word();
  const std::uint32_t life = guarded.load();
  if (!RobustMutex::is_alive(life)) return slot.word.load() != seen;
  slot.asleep.store(1);
  futex::wait({&guarded, life}, {&slot.word, seen}, deadline);
  slot.asleep.store(0, std::memory_order_relaxed);
  return RobustMutex::is_alive(guarded.load()) || slot.word.load() != seen;
}

}  // namespace usher
