// Which idle workers are too many: after a rush a pool goes back to what it keeps.
//
// Model:  the least number that was ready during the last `idle_time` nobody needed; what of it is above `initial` and
//         `threshold` goes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/configuration.h"
#include "base/event_loop.h"

namespace usher {

class PoolSurplus {
 public:
  using Retire = std::function<void(const std::string& pool, std::uint32_t workers)>;

  PoolSurplus(EventLoop& loop, Retire retire) : loop_(loop), retire_(std::move(retire)) {}

  void configure(const std::vector<PoolConfig>& pools);
  // So many are ready now.
  void note(const std::string& pool, std::uint32_t ready);

 private:
  struct Period {
    PoolConfig config;
    std::uint32_t ready = 0;
    std::uint32_t least = 0;
    EventLoop::Timer end;
  };

  void begin(Period& period);

  EventLoop& loop_;
  Retire retire_;
  std::map<std::string, Period> periods_;
};

}  // namespace usher
