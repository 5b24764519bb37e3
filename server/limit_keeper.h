// Keeps what the limits hold against whom, so that a new listener goes on with it, and fulfils wishes to forget.
//
// Model:  changes are collected and written once a second at the most, kMostWritten rows at a time: what a flood of strangers
//         leaves behind is not worth more. Without a disk to write to the limits work on; writing is tried again.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/event_loop.h"
#include "jobs/limit_records.h"
#include "server/client_limits.h"

namespace usher {

class LimitKeeper {
 public:
  LimitKeeper(EventLoop& loop, Limits& limits) : loop_(loop), limits_(limits) {}

  // Takes in what an earlier listener has kept. Further calls do nothing.
  void open(const std::string& state_directory);
  void note(LimitKind kind, const std::string& name);

 private:
  static constexpr std::size_t kMostWritten = 1000;
  static constexpr std::int64_t kMostRows = 20'000;

  void try_open();
  void restore();
  void write_later(Clock::duration wait);
  void write();
  void fulfil_wishes();
  void put(LimitRecords::Update& update, LimitKind kind, const std::string& name);
  void complain(const std::exception& error);

  EventLoop& loop_;
  Limits& limits_;
  std::string state_directory_;
  std::optional<LimitRecords> records_;
  std::optional<usher::Watch> wishes_;
  EventLoop::Watch watch_;
  std::set<std::pair<LimitKind, std::string>> changed_;
  std::map<LimitReason, std::uint64_t> refusals_;
  EventLoop::Timer timer_;
  Instant next_write_{};
  Instant next_prune_{};
};

}  // namespace usher
