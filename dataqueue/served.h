// When receivers that wait last got an entry: such a one is likely to be back in a moment.
//
// A hint, in memory that processes share; zeros make one. Queues may push each other out.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace usher {

class Served {
 public:
  static constexpr int kQueueBits = 17;  // of a queue's number

  void note(std::uint32_t queue) noexcept { place(queue).store(word(queue, Clock::now()), std::memory_order_relaxed); }

  // Within the time in which a call comes back that only had to hand on its entry.
  bool lately(std::uint32_t queue) const noexcept {
    const std::uint64_t noted = places_[queue % kPlaces].load(std::memory_order_relaxed);
    return noted % (1U << kQueueBits) == queue && noted >= word(0, Clock::now() - std::chrono::microseconds(50));
  }

 private:
  static constexpr std::uint32_t kPlaces = 64;

  // The time in microseconds, and below it the queue's number.
  static std::uint64_t word(std::uint32_t queue, Instant at) noexcept {
    return static_cast<std::uint64_t>(to_nanoseconds(at) / 1000) << kQueueBits | queue;
  }
  std::atomic<std::uint64_t>& place(std::uint32_t queue) noexcept { return places_[queue % kPlaces]; }

  std::atomic<std::uint64_t> places_[kPlaces];
};

}  // namespace usher
