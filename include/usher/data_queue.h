// Data queues: named queues of byte entries in a file, shared by any processes of one machine. No server.
//
//   usher::Library work("/var/lib/usher/queues/work.db", {.create = true});
//   usher::DataQueue orders = work.create_queue("ORDERS", {.sequence = usher::Sequence::keyed, .key_length = 2});
//   orders.send("six eggs", usher::Key::text("05"));
//   while (auto entry = orders.receive(usher::Wait::for_ever())) serve(entry->data);
//
// A library is a file that holds queues; who may use it is what the file's owner, group and mode say. An entry goes to
// exactly one receiver; among several that wait, to the one that has waited longest. A receiver that waits uses no
// processor time and is woken by the sender through the kernel.
//
// Errors: Error with the codes named below. Besides these, any call may report damaged, wrong_version, disk_full,
// read_only,
//         not_authorized, library_not_found (the file was removed or replaced), io, and busy: no turn within the wait,
//         or within 10 s where a call has none. A wait in which nothing came is an empty optional, not an error.
// Thread: every object may be used by several threads, except Transaction and Watch, which belong to one at a time.
// Fork:   in a child made with fork() libraries and queues work on; its Watches, Leases and Transactions are the
// parent's and
//         do nothing in the child.
// Source: IBM i data queues (CRTDTAQ, QSNDDTAQ, QRCVDTAQ, QCLRDTAQ, QMHQRDQD, QMHRDQM); what goes beyond is marked
// "ours".
#ifndef USHER_DATA_QUEUE_H
#define USHER_DATA_QUEUE_H

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "usher/error.h"

#pragma GCC visibility push(default)
namespace usher {

inline constexpr std::size_t kMaxEntryLength = 64'512;
inline constexpr std::size_t kMaxKeyLength = 256;
inline constexpr std::size_t kMaxQueueText = 50;

// How long a call may wait for an entry.
// Shape:  up to 99,999 s; anything below 0 is for ever.  Errors: invalid_argument when longer.
class Wait {
 public:
  constexpr Wait() noexcept = default;  // not at all
  template <class Rep, class Period>
  constexpr Wait(std::chrono::duration<Rep, Period> time)  // NOLINT(google-explicit-constructor): reads as receive(5s)
      : nanoseconds_(checked(std::chrono::duration<double>(time).count())) {}

  static constexpr Wait none() noexcept { return {}; }
  static constexpr Wait for_ever() noexcept { return Wait(std::int64_t{-1}); }

  constexpr bool is_none() const noexcept { return nanoseconds_ == 0; }
  constexpr bool is_for_ever() const noexcept { return nanoseconds_ < 0; }
  constexpr std::chrono::nanoseconds duration() const noexcept { return std::chrono::nanoseconds(nanoseconds_); }

 private:
  explicit constexpr Wait(std::int64_t nanoseconds) noexcept : nanoseconds_(nanoseconds) {}
  static constexpr std::int64_t checked(double seconds) {
    if (seconds < 0) return -1;
    if (!(seconds <= 99'999)) throw Error(ErrorCode::invalid_argument, "wait: longer than 99,999 seconds");
    return static_cast<std::int64_t>(seconds * 1e9);
  }
  std::int64_t nanoseconds_ = 0;
};

enum class Sequence : std::uint8_t { fifo, lifo, keyed };

// A key of an entry, or to compare with.
class Key {
 public:
  // Must be exactly as long as the queue's keys.
  static Key bytes(std::string_view bytes) { return Key(bytes, false); }
  // May be shorter: padded with zero bytes.
  static Key text(std::string_view text) { return Key(text, true); }

  const std::string& value() const noexcept { return value_; }
  bool is_text() const noexcept { return text_; }

 private:
  Key(std::string_view value, bool text) : value_(value), text_(text) {}
  std::string value_;
  bool text_;
};

// The relation of an entry's key to a given one.
enum class KeyOrder : std::uint8_t { eq, ne, lt, le, gt, ge };

// The entries whose key stands in `order` to `key`. Keys compare as unsigned bytes; the first in ascending order of
// keys is taken, among equal keys the oldest.
struct KeySelection {
  KeyOrder order;
  Key key;
};

// Attributes a queue has for life.  Errors: invalid_argument names the one out of range.
struct QueueAttributes {
  Sequence sequence = Sequence::fifo;
  std::uint32_t max_length = kMaxEntryLength;  // 1..64,512
  std::uint32_t key_length = 0;                // 1..256 for keyed, 0 for others
  std::uint64_t max_entries = 0;               // 0: no limit but the disk's (ours)
  bool sender_id = false;                      // keep with each entry who sent it
  bool force = false;                          // send and receive return after the disk has it
  std::string text{};                          // up to 50 characters
  std::uint32_t max_deliveries = 0;            // under a lease; 0: no limit (ours)
  std::string dead_letter{};                   // the queue for entries past max_deliveries; needed with it (ours)
};

// Who sent an entry, as far as its library's users can be trusted: they may all write to the file.
struct Sender {
  std::string job;           // "NUMBER/USER/NAME" of a job of Usher, else "PID/USER/PROGRAM"
  std::string current_user;  // the effective user at the send
};

struct Entry {
  std::string data;
  std::string key;       // empty where the queue is not keyed
  std::size_t length{};  // of the whole entry; more than data.size() when a limit cut it
  std::chrono::system_clock::time_point enqueued;
  std::optional<Sender> sender;
  std::uint64_t number{};      // rises with every send to the library and is never used again
  std::uint32_t deliveries{};  // how often it went out under a lease, this time included
};

inline constexpr std::size_t kWholeEntry = SIZE_MAX;

struct QueueDescription {
  std::string name;
  QueueAttributes attributes;
  std::uint64_t entries{};                                      // without those under a lease
  std::uint64_t bytes{};                                        // their data and keys
  std::optional<std::chrono::system_clock::time_point> oldest;  // of these entries
  std::uint32_t waiters{};                                      // receivers, peekers and watches that wait now
  std::uint64_t leased{};                                       // entries under a lease
  std::vector<pid_t> lease_holders;                             // each process once
};

enum class Durability {
  library,  // survives processes; power loss may cost the last entries of queues without force, never the file
  process,  // for a library that is made anew after a power loss: the disk is never waited for, force is not allowed
};

struct OpenLibrary {
  bool create = false;  // make the file when it is not there
  mode_t mode = 0666;   // of a new file, less the umask
  Durability durability = Durability::library;
};

class LibraryState;
class DataQueue;

class Library {
 public:
  // Errors: library_not_found, not_authorized, damaged, wrong_version; busy when processes of another pid namespace use
  // it.
  explicit Library(const std::string& path, const OpenLibrary& how = {});
  explicit Library(std::shared_ptr<LibraryState> state) noexcept : state_(std::move(state)) {}

  const std::string& path() const noexcept;

  // Names have 1..10 characters of A-Z 0-9 $ # @ _ . and begin with a letter, $ # or @; letters are folded to upper
  // case. Errors: already_exists, invalid_argument.
  DataQueue create_queue(std::string_view name, const QueueAttributes& attributes = {});
  // Errors: queue_not_found.
  DataQueue queue(std::string_view name);
  // Entries and leases go with it; who waits on it gets queue_not_found.  Errors: queue_not_found.
  void delete_queue(std::string_view name);
  // In order of their names.
  std::vector<QueueDescription> queues();

  const std::shared_ptr<LibraryState>& state() const noexcept { return state_; }

 private:
  std::shared_ptr<LibraryState> state_;
};

class Watch;

// One entry of a batch to be sent.
struct Outgoing {
  std::string_view data;
  std::optional<Key> key{};
};

// Which entries to list: without `key` all of them.
struct Listing {
  std::optional<KeySelection> key{};
  bool reverse = false;             // against the order of the queue: the last to be received first
  std::size_t most = SIZE_MAX;      // entries
  std::size_t limit = kWholeEntry;  // bytes of each
};

// An entry that is hidden from others while this process works on it (ours). When the process ends in any way, or the
// object goes without complete(), the entry is back at its place, and the next receiver gets it. There is no time
// limit.
class Lease {
 public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();

  const Entry& entry() const noexcept;
  // Never used again.
  std::uint64_t number() const noexcept;

  // The entry is done with and gone.  Errors: lease_lost when it was completed or released, or its queue deleted.
  void complete();
  // The entry is back; past max_deliveries it goes to the dead-letter queue.  Errors: lease_lost.
  void release();

 private:
  friend class DataQueue;
  friend class Transaction;
  struct State;
  explicit Lease(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

// A queue by its name. If the queue is deleted every call is queue_not_found; when one of that name is made anew, the
// calls are about that one.
//
// Errors: key_required (CPF9501), key_length (CPF9506), not_keyed (CPF9502) when a key does not fit the queue.
class DataQueue {
 public:
  DataQueue(std::shared_ptr<LibraryState> library, std::string name) noexcept
      : library_(std::move(library)), name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }

  // Never waits for room. Empty data is an entry.  Errors: too_long (CPF2498), queue_full.
  void send(std::string_view data);
  void send(std::string_view data, const Key& key);

  // The next entry, removed. `limit` cuts the data returned, not what is removed.
  std::optional<Entry> receive(Wait wait = {}, std::size_t limit = kWholeEntry);
  std::optional<Entry> receive(const KeySelection& which, Wait wait = {}, std::size_t limit = kWholeEntry);

  // The same, removing nothing.
  std::optional<Entry> peek(Wait wait = {}, std::size_t limit = kWholeEntry);
  std::optional<Entry> peek(const KeySelection& which, Wait wait = {}, std::size_t limit = kWholeEntry);

  // All of them or, after an error, none. One transaction: many times as fast as one by one.
  void send_batch(const std::vector<Outgoing>& entries);
  // Waits for the first, then takes what is there, up to `most`. Empty: nothing came.
  std::vector<Entry> receive_batch(std::size_t most, Wait wait = {}, std::size_t limit = kWholeEntry);
  std::vector<Entry> receive_batch(const KeySelection& which, std::size_t most, Wait wait = {},
                                   std::size_t limit = kWholeEntry);

  // The next entry under a lease.
  std::optional<Lease> lease(Wait wait = {});
  std::optional<Lease> lease(const KeySelection& which, Wait wait = {});
  // The same as of the Lease with this number, for who has the number only.
  void complete(std::uint64_t lease);
  void release(std::uint64_t lease);

  // Entries, left where they are; not those under a lease.
  std::vector<Entry> list(const Listing& what = {});

  // Waits as a descriptor; nothing is armed yet.
  Watch watch();
  Watch watch(const KeySelection& which);

  // How many entries went.
  std::uint64_t clear();
  std::uint64_t clear(const KeySelection& which);

  QueueAttributes attributes();
  QueueDescription describe();

  const std::shared_ptr<LibraryState>& library() const noexcept { return library_; }

 private:
  std::shared_ptr<LibraryState> library_;
  std::string name_;
};

// Waiting for one entry as a descriptor in an event loop.
//
//   Watch watch = queue.watch();
//   watch.arm();                                   // takes its place among those who wait
//   ... poll watch.fd() until it is readable ...
//   if (auto entry = watch.receive()) use(*entry);  // empty: a false alarm, and still armed
//   watch.arm();                                   // for the next one
//
// An armed watch waits like receive() does: in order of arrival, and the entry that made it readable is kept for it
// until receive() or disarm(). Its end, and the end of its process, passes the entry on. Thread: a thread of the
// library serves all watches of a process; the descriptor is private to the process.
class Watch {
 public:
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  ~Watch();

  // Readable once there is something to receive, or the queue is gone.
  int fd() const noexcept;
  // Does nothing when armed already. When there is an entry by now, the descriptor is readable at once.
  void arm();
  void disarm();
  bool armed() const noexcept;
  // The entry it became readable for, or the next one that suits it; disarms. Empty: there is none, and it stays armed.
  std::optional<Entry> receive(std::size_t limit = kWholeEntry);

 private:
  friend class DataQueue;
  friend class Transaction;
  struct State;
  explicit Watch(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

// Several sends and receives on queues of one library that happen together or not at all. Others wait for their turn
// while it is open, so keep it short. Rolls back when it goes, unless committed.
//
//   Transaction transaction(library);
//   if (auto entry = transaction.receive(incoming)) transaction.send(outgoing, entry->data);
//   transaction.commit();
//
// Thread: belongs to the thread that made it; in it this thread may use the library through the transaction only.
class Transaction {
 public:
  // Errors: busy when no turn came in time.
  explicit Transaction(Library& library, std::chrono::milliseconds turn_within = std::chrono::seconds(10));
  explicit Transaction(const std::shared_ptr<LibraryState>& library,
                       std::chrono::milliseconds turn_within = std::chrono::seconds(10));
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  void send(const DataQueue& queue, std::string_view data);
  void send(const DataQueue& queue, std::string_view data, const Key& key);
  // Never waits.
  std::optional<Entry> receive(const DataQueue& queue, std::size_t limit = kWholeEntry);
  std::optional<Entry> receive(const DataQueue& queue, const KeySelection& which, std::size_t limit = kWholeEntry);
  // The entry the watch became readable for, as Watch::receive(); a roll-back leaves the watch as it was. The watch
  // must outlive the transaction.
  std::optional<Entry> receive(Watch& watch, std::size_t limit = kWholeEntry);

  // Completes a lease together with the rest.  Errors: lease_lost.
  void complete(Lease& lease);

  // Wakes the receivers of what was sent. Returns when the disk has it, if any queue used here has force.
  void commit();

  class Work;
  Work& work() noexcept { return *work_; }

 private:
  std::shared_ptr<LibraryState> library_;
  std::unique_ptr<Work> work_;
};

}  // namespace usher
#pragma GCC visibility pop

#endif
