// This process as one who takes part in a library beyond a single call: it holds leases or armed watches.
//
// A thread of the library stands for the process in the ring of lives (slot_table.h). It sleeps until the process ends,
// one of its watches is chosen, or another life ends that it has to see to.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "dataqueue/slot_table.h"
#include "usher/data_queue.h"

namespace usher {

class LibraryState;

class Member {
 public:
  explicit Member(LibraryState& library) : library_(library) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member();

  // With the turn. False: see SlotTable::enter; nothing is changed.
  bool enter();

  SlotNumber slot() const noexcept { return *slot_; }
  std::uint64_t incarnation() const;

  // The event counter is written when the watch in `slot` is chosen, perhaps more than once; not after remove_watch().
  void add_watch(SlotNumber slot, int event);
  void remove_watch(SlotNumber slot);
  // Does something for somebody who could not get a turn: as soon as there is one.
  using Task = std::function<void(Transaction::Work&)>;
  void do_later(Task task);

 private:
  enum class Stage { started, shows_life, no_life, entered };
  bool start(SlotNumber slot);
  void reach(Stage stage);
  void wait_past(Stage stage);
  void run(SlotNumber slot);
  void signal_watches();
  void put_right(SlotNumber slot, std::uint32_t seen);
  void do_tasks();
  void leave(SlotNumber slot);

  LibraryState& library_;
  std::optional<SlotNumber> slot_;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Stage stage_ = Stage::started;
  bool stopping_ = false;
  std::map<SlotNumber, int> watches_;
  std::vector<Task> tasks_;
};

}  // namespace usher
