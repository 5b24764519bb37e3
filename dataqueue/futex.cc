#include "dataqueue/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <ctime>

namespace usher::futex {
namespace {

static_assert(sizeof(Word) == sizeof(std::uint32_t) && Word::is_always_lock_free);

std::uint64_t address(const Word* word) {
  return reinterpret_cast<std::uintptr_t>(word);
}

// The flags say a 32-bit word that processes share.
futex_waitv element(Expected expected) {
  return {.val = expected.value, .uaddr = address(expected.word), .flags = FUTEX_32, .__reserved = 0};
}

timespec to_timespec(Instant at) {
  const std::int64_t nanoseconds = to_nanoseconds(at);
  return {.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000),
          .tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000)};
}

std::atomic<bool> can_wait_on_two{true};

// FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock.
void wait_on_one(Expected own, const timespec* until) {
  syscall(SYS_futex, own.word, FUTEX_WAIT_BITSET, own.value, until, nullptr, FUTEX_BITSET_MATCH_ANY);
}

}  // namespace

void wait(Expected guarded, Expected own, Instant deadline) {
  const timespec until = to_timespec(deadline);
  const timespec* limit = deadline == Instant::max() ? nullptr : &until;
  if (guarded.word == nullptr || !can_wait_on_two.load(std::memory_order_relaxed)) return wait_on_one(own, limit);
  const std::array elements{element(guarded), element(own)};
  if (syscall(SYS_futex_waitv, elements.data(), elements.size(), 0, limit, CLOCK_MONOTONIC) >= 0) return;
  if (errno != ENOSYS && errno != EPERM) return;
  can_wait_on_two = false;
  wait_on_one(own, limit);
}

void wake_one(const Word& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, 1);
}

void wake_all(const Word& word) {
  syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX);
}

void move_sleepers(const Word& from, const Word& to) {
  syscall(SYS_futex, &from, FUTEX_REQUEUE, 0, INT_MAX, &to, 0);
}

}  // namespace usher::futex
