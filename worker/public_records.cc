#include "worker/public_records.h"

#include <sys/wait.h>

#include <algorithm>

namespace usher {
namespace {

constexpr std::size_t kMostBlocks = 8;

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(time.tv_usec);
}

Ended end_from(int wait_status) {
  if (WIFSIGNALED(wait_status)) return {EndKind::signal, WTERMSIG(wait_status)};
  const int code = WEXITSTATUS(wait_status);
  return {code == 0 ? EndKind::normal : EndKind::status, code};
}

}  // namespace

void PublicRecords::meet(Channel channel, UniqueFd log) {
  link_ = std::make_unique<Link>(
      loop_, std::move(channel), [this](Packet& packet) { take(packet.as<Numbers>()); },
      [this](const std::string&) { link_.reset(); }, 0);
  link_->send(OwnLog{}, std::move(log));
  link_->send(NeedNumbers{});
  asked_ = true;
  callbacks_.met();
}

// Blocks that are used up stay, for the time when there is no pool to give others.
void PublicRecords::take(const Numbers& numbers) {
  if (numbers.count == 0 || numbers.first == 0 || numbers.first > kMaxJobNumber) throw ProtocolError("no numbers");
  blocks_.push_back(numbers);
  asked_ = false;
  if (blocks_.size() > kMostBlocks && block_ > 0) {
    blocks_.erase(blocks_.begin());
    --block_;
  }
  callbacks_.numbered();
}

std::uint32_t PublicRecords::next_number(const std::function<bool(std::uint32_t)>& in_use) {
  for (std::size_t tries = 0; tries < 10'000 && !blocks_.empty(); ++tries) {
    if (used_ >= blocks_[block_].count) {
      block_ = (block_ + 1) % blocks_.size();
      used_ = 0;
    }
    const bool last = block_ + 1 == blocks_.size();
    if (last && !asked_ && link_ && used_ > blocks_[block_].count / 2) {
      asked_ = true;
      link_->send(NeedNumbers{});
    }
    const std::uint32_t number = blocks_[block_].first + used_++;
    if (!in_use(number)) return number;
  }
  return 0;
}

bool PublicRecords::may_tell() {
  if (!link_ || link_->waiting() > kMostWaiting) return false;
  const Instant now = Clock::now();
  const double seconds = std::chrono::duration<double>(now - credited_).count();
  credit_ = std::min(credit_ + seconds * kRecordsASecond, kRecordsASecond);
  credited_ = now;
  if (credit_ < 1) return false;
  credit_ -= 1;
  return true;
}

// Who has no number cannot be told of.
bool PublicRecords::begin(PublicProgram& program) {
  if (program.number == 0 || program.recorded) return true;
  if (!may_tell()) return false;
  if (program.id == JobId{}) program.id = JobId::random();
  program.recorded = true;
  link_->send(PublicBegan{program.number, program.id.bytes, program.pid, program.entered, program.client.text()});
  return true;
}

void PublicRecords::end(PublicProgram& program, int wait_status, const rusage& usage) {
  begin(program);
  if (!program.recorded || !link_) return;
  link_->send(PublicEnded{program.number, end_from(wait_status), wall_clock_ms(),
                          microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
                          static_cast<std::uint64_t>(usage.ru_maxrss)});
}

}  // namespace usher
