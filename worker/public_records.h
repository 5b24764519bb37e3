// What the pool is told of public programs. Nothing here waits: where the pool is slow or gone, programs run all the same.
//
// Model:  every program has a job number, out of blocks that the pool gives; when there are none left (the pool is gone for
//         long) old ones come again. At most kRecordsASecond programs a second are told of, and none while the pool does not read; one that goes
//         on running is told of as soon as that allows.
#pragma once

#include <sys/resource.h>

#include <functional>
#include <memory>
#include <vector>

#include "base/link.h"
#include "worker/public_messages.h"
#include "worker/public_program.h"

namespace usher {

class PublicRecords {
 public:
  static constexpr double kRecordsASecond = 500;
  static constexpr std::size_t kMostWaiting = 256;  // messages that the pool has not read

  // `met`: the pool that is there now has to be told of what runs. `numbered`: there are numbers.
  struct Callbacks {
    std::function<void()> met;
    std::function<void()> numbered;
  };
  PublicRecords(EventLoop& loop, Callbacks callbacks) : loop_(loop), callbacks_(std::move(callbacks)) {}

  // `log` is the read end of the programs' standard error.
  void meet(Channel channel, UniqueFd log);
  bool connected() const noexcept { return link_ != nullptr; }
  bool has_numbers() const noexcept { return !blocks_.empty(); }

  // 0 before the pool has given any. Shape: `in_use` tells of numbers that come again.
  std::uint32_t next_number(const std::function<bool(std::uint32_t)>& in_use);
  // False when it must be tried again.
  bool begin(PublicProgram& program);
  void end(PublicProgram& program, int wait_status, const rusage& usage);

 private:
  bool may_tell();
  void take(const Numbers& numbers);

  EventLoop& loop_;
  Callbacks callbacks_;
  std::unique_ptr<Link> link_;
  std::vector<Numbers> blocks_;  // the last of them, in their order
  std::size_t block_ = 0;        // in use now
  std::uint32_t used_ = 0;       // of that one
  bool asked_ = false;
  double credit_ = kRecordsASecond;
  Instant credited_ = Clock::now();
};

}  // namespace usher
