// The programs of one public listener that run: watched, timed, ended, reaped, and what they leave running.
//
// Model:  the kernel says by SIGCHLD that one has ended. Most end within a moment; only for one that lives longer is its
//         connection watched and the pool told of it, so that a short one costs neither.
#pragma once

#include <functional>
#include <unordered_map>

#include "base/event_loop.h"
#include "worker/public_program.h"
#include "worker/public_records.h"

namespace usher {

class PublicPrograms {
 public:
  static constexpr std::chrono::milliseconds kMoment{250};

  struct Callbacks {
    std::function<void(pid_t)> ended;       // each
    std::function<void()> some_have_ended;  // then, once
  };
  PublicPrograms(EventLoop& loop, PublicRecords& records, Callbacks callbacks);

  std::size_t size() const noexcept { return programs_.size(); }
  bool has_number(std::uint32_t number) const;
  void add(PublicProgram program);
  // 0: all of them.
  void end(std::uint32_t number, std::chrono::milliseconds delay);
  // The pool that is there now knows none of them.
  void tell_again();

 private:
  void reap();
  void forget(PublicProgram& program, int wait_status, const rusage& usage);
  void settle(PublicProgram& program);
  void look_after_all();
  void look_after_all_at(Instant when);
  void look_for_leftovers_later();
  void look_for_leftovers();

  EventLoop& loop_;
  PublicRecords& records_;
  Callbacks callbacks_;
  UniqueFd signals_;
  EventLoop::Watch child_ended_;
  std::unordered_map<pid_t, PublicProgram> programs_;
  EventLoop::Timer timer_;
  Instant due_ = Instant::max();
  EventLoop::Timer leftovers_timer_;
  Clock::duration leftovers_pause_{};
};

}  // namespace usher
