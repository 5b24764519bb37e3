#include "dataqueue/spin.h"

#include <algorithm>
#include <cstdint>
#include <thread>

namespace usher::spinning {
namespace {

constexpr std::uint32_t kMostLeftOut = 255;

struct Habit {
  std::uint32_t left_out = 0;  // still to be left out
  std::uint32_t penalty = 0;   // how many after the next spin in vain
};
thread_local Habit habit;

}  // namespace

bool leave_out() {
  static const bool alone = std::thread::hardware_concurrency() < 2;
  if (alone) return true;
  if (habit.left_out == 0) return false;
  --habit.left_out;
  return true;
}

void note(bool success) {
  habit.penalty = success ? habit.penalty / 4 : std::min(habit.penalty * 2 + 1, kMostLeftOut);
  habit.left_out = success ? 0 : habit.penalty;
}

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace usher::spinning
