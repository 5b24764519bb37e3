#include "dataqueue/spin.h"

#include <thread>

namespace usher {
namespace {

constexpr std::uint32_t kMostLeftOut = 31;

}  // namespace

bool SpinHabit::leaves_out() {
  static const bool alone = std::thread::hardware_concurrency() < 2;
  if (alone) return true;
  if (left_out_ == 0) return false;
  --left_out_;
  return true;
}

void SpinHabit::note(bool success) {
  penalty_ = success ? penalty_ / 4 : std::min(penalty_ * 2 + 1, kMostLeftOut);
  left_out_ = success ? 0 : penalty_;
}

void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace usher
