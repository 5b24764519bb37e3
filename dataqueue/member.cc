#include "dataqueue/member.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "dataqueue/work.h"

namespace usher {
namespace {

// A thread made meanwhile takes no signals: they are the program's.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// An error has nowhere to go from a thread: a slot whose bytes are damaged is taken for one in use, and the next is
// tried.
bool can_show_life(Slot& slot) noexcept try { return slot.life.show_life(); } catch (const std::exception&) {
  return false;
}

}  // namespace

Member::~Member() {
  if (slot_) {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    Slot& slot = library_.slots().at(*slot_);
    slot.word.fetch_add(1);
    futex::wake_all(slot.word);
  }
  if (thread_.joinable()) thread_.join();
}

bool Member::enter() {
  slot_ = library_.slots().enter_for(SlotKind::member, {}, [this](SlotNumber slot) { return start(slot); });
  if (slot_) reach(Stage::entered);
  return slot_.has_value();
}

std::uint64_t Member::incarnation() const {
  return library_.slots().at(*slot_).incarnation;
}

void Member::reach(Stage stage) {
  {
    const std::lock_guard lock(mutex_);
    stage_ = stage;
  }
  changed_.notify_all();
}

void Member::wait_past(Stage stage) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return stage_ != stage; });
}

bool Member::start(SlotNumber slot) {
  if (thread_.joinable()) thread_.join();
  stage_ = Stage::started;
  const SignalsBlocked blocked;
  thread_ = std::thread([this, slot] { run(slot); });
  pthread_setname_np(thread_.native_handle(), "usher-library");
  wait_past(Stage::started);
  return stage_ == Stage::shows_life;
}

// Does nothing in the slot before it has been filled.
void Member::run(SlotNumber slot) {
  const bool shown = can_show_life(library_.slots().at(slot));
  reach(shown ? Stage::shows_life : Stage::no_life);
  if (!shown) return;
  wait_past(Stage::shows_life);
  while (true) {
    const std::uint32_t seen = library_.slots().word(slot);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) break;
      signal_watches();
    }
    do_tasks();
    if (!library_.slots().sleep(slot, seen, Instant::max())) put_right(slot, seen);
  }
  leave(slot);
}

// An event counter wakes its readers once however often it is written.
void Member::signal_watches() {
  for (const auto& [slot, event] : watches_) {
    const std::uint64_t one = 1;
    if (library_.slots().look(slot).chosen && ::write(event, &one, sizeof one) < 0) continue;  // full: it is readable
  }
}

// What cannot be put right now (the disk is full) is left to the next who uses the library.
void Member::put_right(SlotNumber slot, std::uint32_t seen) {
  try {
    Transaction::Work work(library_, turn_deadline(), Transaction::Work::Repair::in_full);
    work.end();
  } catch (const std::exception&) {
    futex::wait({}, {&library_.slots().at(slot).word, seen}, Instant::max());
  }
}

void Member::do_tasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  if (tasks.empty()) return;
  try {
    Transaction::Work work(library_, turn_deadline());
    for (const Task& task : tasks) task(work);
    work.commit();
  } catch (const std::exception&) {
    const std::lock_guard lock(mutex_);
    tasks_.insert(tasks_.begin(), tasks.begin(), tasks.end());
  }
}

void Member::leave(SlotNumber slot) {
  try {
    Transaction::Work work(library_, Clock::now() + std::chrono::seconds(1), Transaction::Work::Repair::in_full);
    const bool left = library_.slots().leave(slot);
    work.end();
    if (left) return;
  } catch (const std::exception&) {
  }
  library_.slots().play_dead(slot);
}

void Member::add_watch(SlotNumber slot, int event) {
  const std::lock_guard lock(mutex_);
  watches_[slot] = event;
}

void Member::remove_watch(SlotNumber slot) {
  const std::lock_guard lock(mutex_);
  watches_.erase(slot);
}

void Member::do_later(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  library_.slots().at(*slot_).word.fetch_add(1);
  futex::wake_all(library_.slots().at(*slot_).word);
}

}  // namespace usher
