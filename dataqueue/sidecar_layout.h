// The bytes of the sidecar file beside a library: what its users share while they run.
//
//   Control   whose file it is, the locks, the counters
//   tags      one word a slot: who is there (dense, because every send looks through them)
//   arrivals  one number a slot, for the same reason
//   empty     one bit a queue: the database is known to hold no entry of it. Set by whoever looked, with the turn;
//   cleared
//             before the commit that puts one there.
//   slots     kFirstSlots at first; the file grows as they are needed
//
// Nothing here outlives the machine's boot: the counters are made anew from the database, and who waited is gone.
// All of it is zero at first but for the mutexes.
//
// A slot's tag says all that others need to know of its state, and changes in one store:
//
//     0 --enter--> receiver/peeker/watch of queue Q --offer--> chosen ---------------receive--> 0
//                                                   --hand---> chosen --> handed over --receive--> 0
//     0 --enter--> member (a process that holds leases or watches) --leave--> 0
//
// The fields of a slot are written before its tag says that they mean something. Tags and fields are written by whoever
// has the turn; `word` and `asleep` by anybody; `life` by its owner and the kernel.
//
// Source: ours, because one wake word cannot give arrival order, wake-up by key, or notice of a waiter's death.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "dataqueue/fair_lock.h"
#include "dataqueue/served.h"
#include "dataqueue/shared_write.h"
#include "usher/data_queue.h"

namespace usher {

inline constexpr std::uint32_t kSidecarLayout = 4;
inline constexpr std::uint32_t kMaxSlots = 4096;
inline constexpr std::uint32_t kFirstSlots = 32;
inline constexpr std::uint32_t kMaxQueueNumber = (1U << 17) - 1;

// Whose sidecar it is. A file with other values is of no use to the opener.
struct SidecarIdentity {
  std::uint32_t layout;
  std::uint32_t mutex_bytes;  // of the C library, by which 32-bit and 64-bit programs differ
  char boot_id[40];
  std::uint64_t pid_namespace;
  std::uint64_t database_device;
  std::uint64_t database_inode;

  bool operator==(const SidecarIdentity&) const = default;
};

// What different processes write stands on different cache lines.
struct Control {  // NOLINT(clang-analyzer-optin.performance.Padding)
  SidecarIdentity identity;
  std::atomic<std::uint32_t> complete;   // 1 once everything below is made
  std::atomic<std::uint32_t> abandoned;  // 1 when the library was removed or replaced
  std::uint64_t epoch;                   // a random number: tells one sidecar of a library from the next

  alignas(64) FairLock turn;  // under which the library and this file are changed

  alignas(64) std::atomic<std::uint64_t> next_number;  // of an entry, lease or queue; 0: the database knows
  std::atomic<std::uint64_t> number_limit;             // the database promises not to give out numbers below this
  std::atomic<std::uint64_t> catalog;                  // changes before any queue is made or deleted
  std::atomic<std::uint64_t> next_arrival;
  std::atomic<std::uint32_t> leases_known;  // 0 until leases of holders of an earlier sidecar have been ended

  alignas(64) Served served;

  alignas(64) SharedWrite log;
  RobustMutex checkpoint;                 // whoever moves the log to the database file
  std::atomic<std::uint64_t> log_writes;  // begun before its last move

  alignas(64) std::atomic<std::uint32_t> slots;  // the file has room for these
  std::atomic<std::uint32_t> occupied;           // no slot from here on is in use
};

enum class SlotKind : std::uint8_t { free, receiver, peeker, watch, member };

// The published state of a slot.
struct Tag {
  SlotKind kind = SlotKind::free;
  bool chosen = false;      // its owner is to look: for the entry it was chosen for, or for whatever happened
  bool handed = false;      // the entry itself is in the slot, and nowhere else
  std::uint32_t queue = 0;  // number of the queue it waits on

  bool operator==(const Tag&) const = default;
};

using TagWord = std::atomic<std::uint32_t>;

constexpr std::uint32_t encode(Tag tag) {
  return static_cast<std::uint32_t>(tag.kind) | (tag.chosen ? 0x80U : 0U) | (tag.handed ? 0x40U : 0U) |
         (tag.queue << 8);
}
constexpr Tag decode_tag(std::uint32_t word) {
  return {static_cast<SlotKind>(word & 0x3F), (word & 0x80) != 0, (word & 0x40) != 0, word >> 8};
}

struct StoredKey {
  std::uint16_t length;
  unsigned char bytes[kMaxKeyLength];
};

// What is handed over besides number and key. Nothing longer is.
inline constexpr std::size_t kMaxHanded = 1024;
inline constexpr std::size_t kMaxHandedSender = 96;

struct HandedEntry {
  std::int64_t enqueued_us;
  std::uint8_t has_sender;
  std::uint8_t job_length;
  std::uint8_t user_length;
  std::uint16_t length;
  char job[kMaxHandedSender];
  char user[kMaxHandedSender];
  char data[kMaxHanded];
};

struct alignas(64) Slot {
  futex::Word word;                   // changes whenever the owner is to look again
  std::atomic<std::uint32_t> asleep;  // 1 from before the owner sleeps until after
  RobustMutex life;                   // the owner's; of a watch: its member's
  std::atomic<std::uint32_t> member;  // of a watch: the slot of its process
  std::int32_t pid;
  std::atomic<std::uint64_t> incarnation;         // of a member: its number, never used again in this sidecar
  std::atomic<std::uint64_t> member_incarnation;  // of a watch

  std::uint8_t keyed;  // 1: only entries whose key stands in `order` to `key`
  KeyOrder order;
  StoredKey key;

  std::uint64_t entry;  // chosen for this entry; 0: for none, look what happened
  StoredKey entry_key;

  std::uint8_t takes_hand;  // 1: an entry may be handed over; leases need the database
  HandedEntry handed;
};

struct SidecarLayout {
  Control control;
  alignas(64) TagWord tags[kMaxSlots];
  alignas(64) std::atomic<std::uint64_t> arrivals[kMaxSlots];
  alignas(64) std::atomic<std::uint64_t> empty[kMaxQueueNumber / 64 + 1];
  Slot slots[kMaxSlots];
};

static_assert(std::is_standard_layout_v<SidecarLayout>);
static_assert(kMaxQueueNumber < 1U << Served::kQueueBits);

constexpr std::size_t sidecar_bytes(std::uint32_t slots) {
  return offsetof(SidecarLayout, slots) + slots * sizeof(Slot);
}

}  // namespace usher
