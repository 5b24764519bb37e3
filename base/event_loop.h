// One thread, one loop: descriptors, timers, and work put off to the end of a round.
//
// Model:  watch() and after() give handles; what they call lives as long as the handle. A callback may end any handle, its
//         own too. Work given to defer() runs once when all that was ready has been handled: many state changes of one
//         round become one transaction there.
// Errors: an exception from a callback leaves run().
// Thread: one loop belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace usher {

class EventLoop {
 public:
  using Ready = std::function<void(std::uint32_t events)>;  // EPOLLIN, EPOLLHUP, ...
  using Due = std::function<void()>;

  // A descriptor that is watched. The descriptor itself belongs to the caller and must outlive this.
  class Watch {
   public:
    Watch() noexcept = default;
    Watch(Watch&& other) noexcept { *this = std::move(other); }
    Watch& operator=(Watch&& other) noexcept;
    ~Watch() { end(); }
    void change(std::uint32_t events);
    void end() noexcept;
    explicit operator bool() const noexcept { return entry_ != nullptr; }

   private:
    friend class EventLoop;
    struct Entry {
      int fd;
      Ready ready;
      bool over = false;
    };
    Watch(EventLoop* loop, std::shared_ptr<Entry> entry) noexcept : loop_(loop), entry_(std::move(entry)) {}
    EventLoop* loop_ = nullptr;
    std::shared_ptr<Entry> entry_;
  };

  // Something due once. Ending it cancels.
  class Timer {
   public:
    Timer() noexcept = default;
    Timer(Timer&& other) noexcept { *this = std::move(other); }
    Timer& operator=(Timer&& other) noexcept;
    ~Timer() { end(); }
    void end() noexcept;
    bool pending() const noexcept { return entry_ != nullptr && entry_->queued; }

   private:
    friend class EventLoop;
    struct Entry;
    using Queue = std::multimap<Instant, std::shared_ptr<Entry>>;
    struct Entry {
      Due due;
      Queue::iterator place;
      bool queued = true;
    };
    Timer(EventLoop* loop, std::shared_ptr<Entry> entry) noexcept : loop_(loop), entry_(std::move(entry)) {}
    EventLoop* loop_ = nullptr;
    std::shared_ptr<Entry> entry_;
  };

  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] Watch watch(int fd, std::uint32_t events, Ready ready);
  [[nodiscard]] Timer at(Instant when, Due due);
  [[nodiscard]] Timer after(Clock::duration wait, Due due) { return at(Clock::now() + wait, std::move(due)); }
  // Runs at the end of this round, after everything that was ready; what it defers runs in the next round.
  void defer(Due work) { deferred_.push_back(std::move(work)); }

  void run();  // until stop()
  void stop() noexcept { stopped_ = true; }
  // One round: waits for something to be ready or due, handles it all.
  void run_once();

 private:
  int wait_ms() const;
  void run_due();
  void run_deferred();

  UniqueFd epoll_;
  Timer::Queue timers_;
  std::vector<Due> deferred_;
  std::vector<std::shared_ptr<Watch::Entry>> ended_;  // kept until the round is over: its events may still be in the batch
  bool stopped_ = false;
};

}  // namespace usher
