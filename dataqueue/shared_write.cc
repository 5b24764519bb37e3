#include "dataqueue/shared_write.h"

#include "dataqueue/fault_point.h"

namespace usher {
namespace {

constexpr auto kLongestSleep = std::chrono::milliseconds(50);

}  // namespace

void SharedWrite::initialize() {
  writer_.initialize(RobustMutex::Order::any);
}

// Who begins a write counts it first and looks at the commits then: a commit that sees the old count is in it.
SharedWrite::Ticket SharedWrite::count_commit() noexcept {
  const std::uint64_t commit = committed_.fetch_add(1) + 1;
  return {commit, writes_};
}

void SharedWrite::wait(const Ticket& ticket, const Write& write) {
  const futex::Word& done = done_[ticket.write % 2];
  bool called = true;
  while (true) {
    const std::uint32_t seen = done;
    const std::uint32_t writer = writer_.word();
    if (written_ >= ticket.commit) break;
    if (!RobustMutex::is_alive(writer)) {
      if (writer_.show_life()) return write_for_all(ticket, write);
      continue;
    }
    futex::wait({&writer_.word(), writer}, {&done, seen}, Clock::now() + kLongestSleep);
    called = done != seen;
  }
  if (called) return;
  for (const futex::Word& crowd : done_) futex::wake_one(crowd);
}

void SharedWrite::write_for_all(const Ticket& ticket, const Write& write) {
  const auto end = [this](const std::uint64_t* number) { end_write(*number); };
  const std::uint64_t number = writes_.fetch_add(1);
  const std::unique_ptr<const std::uint64_t, decltype(end)> ended(&number, end);
  if (written_ >= ticket.commit) return;
  const std::uint64_t reached = committed_;
  fault::point("about to write to the disk");
  write(written_ == 0);
  fault::point("written to the disk");
  written_ = reached;
}

void SharedWrite::end_write(std::uint64_t number) noexcept {
  futex::Word& own = done_[number % 2];
  own.fetch_add(1);
  writer_.end_life();
  fault::point("write ended");
  futex::wake_all(own);
  futex::wake_one(done_[(number + 1) % 2]);
}

}  // namespace usher
