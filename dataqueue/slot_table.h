// The slots of the sidecar: who waits for what, who is chosen, and who watches over whose life.
//
// Choosing. A sender, in its turn and before it commits, chooses the receiver that has waited longest among those that
// can take the entry, notes the entry in its slot and wakes it. From then on the entry is that receiver's: others pass
// it over. The receiver wakes, takes the turn (and so waits for the commit), and takes the entry or, when the sender
// did not get so far, waits on in its old place. The wake goes out before the commit because a sender killed between
// the two would leave an entry with everybody asleep.
//
// Lives. Killed processes cannot pass on what they were chosen for, or their leases; somebody must notice. All who take
// part (waiting threads, and one thread of every process that holds leases or watches) stand in a ring, in order of
// their slots. Each sleeps on its own word and on the life of the one before it (slot.life, which the kernel marks and
// wakes when its thread dies). So every death wakes exactly one other, who puts right all that the dead left. Should
// that one be killed before it has, its own death wakes the next. Who leaves the ring, or enters it, moves the sleeper
// on his neighbour along without waking it (futex requeue), and changes its word, so that one who is just about to fall
// asleep looks again. One alone in the ring sleeps on its own life: the next to come finds it there.
//
// Handing over. An unforced entry that meets a waiting receiver need not be stored: the sender chooses the receiver
// (only to look), wakes it, writes the entry into its slot, and then says so in the tag; that store is the send. The
// receiver takes the turn, and clears the tag; that store is the receive. Between the two the entry is in the slot
// alone, in memory that outlives processes, as an unforced entry is allowed to be. If the receiver dies, whoever frees
// its slot stores the entry first, and finds it stored already if it is the second to try.
//
// What if the process dies exactly here? Tags change in one store, so each slot is either there or not. Everything else
// is derived from the tags, except who sleeps on whose life; that is changed with the turn only, and whoever gets the
// turn after a dead owner wakes all in the ring once, which makes them build it anew. Until somebody takes the turn the
// ring is at most one step behind, and the one it concerns is awake or its death wakes the one behind it.
//
// Thread: everything but sleep() and look() needs the turn.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataqueue/key_order.h"
#include "dataqueue/sidecar.h"

namespace usher {

using SlotNumber = std::uint32_t;

struct Interest {
  std::uint32_t queue = 0;
  std::optional<KeyCondition> key{};  // empty: any entry
  bool takes_hand = false;            // an entry may be handed over without being stored
};

// An entry by its place: what a chosen slot names.
struct EntryPlace {
  std::uint32_t queue = 0;
  std::uint64_t number = 0;
  std::string key;  // empty where the queue is not keyed

  bool is_keyed() const noexcept { return !key.empty(); }
};

// What a slot was chosen for: an entry in the database, or one that was handed over and is nowhere else. Neither: it is
// not chosen, or only to look.
struct Choice {
  std::optional<EntryPlace> place{};
  std::optional<Entry> handed{};
  std::uint32_t queue = 0;  // of what was handed over
};

// Tries to enter the ring that a dead neighbour made fail, each followed by a full repair. Every one takes another
// death at that very moment: so many of them mean that the sidecar's bytes are not what they were.
class RingAttempts {
 public:
  // Errors: damaged.
  void failed() {
    if (++count_ == kMost) throw Error(ErrorCode::damaged, "the slots of the sidecar file do not fit each other");
  }

 private:
  static constexpr int kMost = 100;
  int count_ = 0;
};

class SlotTable {
 public:
  explicit SlotTable(Sidecar& sidecar) noexcept : sidecar_(sidecar), control_(sidecar.control()) {}

  // A thread that waits (receiver or peeker), or a process (member): its thread enters the ring.
  // Empty: the one before it there has died, which must be put right first.
  std::optional<SlotNumber> enter(SlotKind kind, const Interest& interest);
  // The same for a thread that `show_life(slot)` makes show its life.
  std::optional<SlotNumber> enter_for(SlotKind kind, const Interest& interest,
                                      const std::function<bool(SlotNumber)>& show_life);
  // A watch of the process in slot `member`; not in the ring.
  SlotNumber enter_watch(SlotNumber member, const Interest& interest);
  // Leaves, without waking anybody. Of a ring slot this is done by the thread that entered it.
  // False, and still there: the one before it has died, which must be put right first.
  bool leave(SlotNumber slot);
  // Leaves without the turn, as if the thread had died: the next in the ring puts right what is left.
  void play_dead(SlotNumber slot) noexcept { at(slot).life.play_dead(); }

  // The slot waits again, in its old place: what it was chosen for was not there.
  void wait_on(SlotNumber slot, const Interest& interest);

  // Chooses for an entry: all peekers who may see it, and the receiver or watch that has waited longest.
  void offer(const EntryPlace& entry);
  // Gives an entry to the one that has waited longest, without the database. It survives every process: as long as the
  // receiver has not taken it, it is in the slot; a receiver that dies leaves it there, and it is stored then.
  // False: nobody waits, or somebody has to see it stored (a peeker, a lease), or it is too long.
  bool hand_over(std::uint32_t queue, const Entry& entry);
  // Everyone who waits on the queue is to look what happened.
  void alarm(std::uint32_t queue);
  // Everyone in the ring wakes once, and who waits looks for entries.
  void alarm_all();

  // The entries of the queue that somebody was chosen for.
  std::vector<std::uint64_t> reserved(std::uint32_t queue) const;
  Choice choice_of(SlotNumber number) const;
  // The entry that was handed over is its receiver's now.
  void accept_handed(SlotNumber slot);
  // Who was handed an entry of the queue, and has not taken it yet; all, or those whose key stands in the relation.
  std::vector<SlotNumber> handed(std::uint32_t queue, const std::optional<KeyCondition>& which) const;
  // What was handed over is gone: its receiver finds nothing, and waits on.
  void take_back(SlotNumber slot) { accept_handed(slot); }

  bool is_alive(SlotNumber slot) const;
  // A member of that incarnation is there and lives.
  bool member_lives(std::uint64_t incarnation) const;
  // Somebody who was chosen, or may hold leases, is dead.
  bool needs_repair() const;
  // Slots in use whose owner is dead; with a dead member its watches, before it.
  std::vector<SlotNumber> dead() const;
  // Frees the slot of a dead owner.
  void bury(SlotNumber slot);

  std::uint32_t count_waiting(std::uint32_t queue) const;

  // Whether the queue is known to have no entries in the database.
  bool known_empty(std::uint32_t queue) const noexcept;
  void note_empty(std::uint32_t queue, bool empty) noexcept;

  // Somebody waits for an entry of the queue. Without the turn that is so for the moment only.
  bool is_awaited(std::uint32_t queue) const noexcept;

  Tag look(SlotNumber slot) const noexcept { return decode_tag(tag(slot).load(std::memory_order_acquire)); }
  Slot& at(SlotNumber slot) const noexcept { return sidecar_.layout().slots[slot]; }
  std::uint32_t word(SlotNumber slot) const noexcept { return at(slot).word.load(); }

  // The owner of a ring slot sleeps until its word is no longer `seen`, the one before it dies, or the deadline.
  // False: somebody has died.
  bool sleep(SlotNumber number, std::uint32_t seen, Instant deadline);

 private:
  TagWord& tag(SlotNumber slot) const noexcept { return sidecar_.layout().tags[slot]; }
  std::atomic<std::uint64_t>& arrival(SlotNumber slot) const noexcept { return sidecar_.layout().arrivals[slot]; }
  std::uint32_t occupied() const noexcept;

  SlotNumber free_slot(SlotNumber from = 0);
  void enter_ring(SlotNumber slot, SlotNumber neighbour, Tag value);
  void fill(SlotNumber number, const Interest& interest);
  void publish(SlotNumber slot, Tag value);
  void clear(SlotNumber slot);
  SlotNumber before(SlotNumber slot) const;
  SlotNumber after(SlotNumber slot) const;
  void hand_sleeper_on(SlotNumber sleeper, SlotNumber from, SlotNumber to);
  struct Candidates {
    std::optional<SlotNumber> longest{};  // receiver or watch
    std::vector<SlotNumber> peekers{};
    bool seen = false;  // a peeker must find it in the database, also one that has been woken before
  };
  Candidates candidates(std::uint32_t queue, std::string_view key) const;
  static bool suits(const Slot& slot, std::string_view key);
  void choose(SlotNumber number, const EntryPlace* entry);
  void wake(SlotNumber slot);

  Sidecar& sidecar_;
  Control& control_;
};

}  // namespace usher
