#include "dataqueue/lease_state.h"
#include "dataqueue/member.h"

namespace usher {

using Work = Transaction::Work;

void Lease::State::check_open() const {
  if (!over && generation == library->generation()) return;
  throw Error(ErrorCode::lease_lost,
              "lease " + std::to_string(leased.lease) + " is over, or held by the parent process");
}

Lease::Lease(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}

Lease::Lease(Lease&& other) noexcept = default;

Lease& Lease::operator=(Lease&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

// Without a turn now, it is released by the thread of the library when there is one.
Lease::~Lease() {
  if (state_ == nullptr || state_->over || state_->generation != state_->library->generation()) return;
  try {
    release();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::lease_lost) return;
    state_->library->member().do_later([lease = state_->leased.lease](Work& work) {
      if (work.leases().find(lease)) work.release(lease);
    });
  }
}

const Entry& Lease::entry() const noexcept {
  return state_->leased.entry;
}

std::uint64_t Lease::number() const noexcept {
  return state_->leased.lease;
}

void Lease::complete() {
  state_->check_open();
  Work work(*state_->library, turn_deadline());
  work.complete(number());
  work.commit();
  state_->over = true;
}

void Lease::release() {
  state_->check_open();
  Work work(*state_->library, turn_deadline());
  work.release(number());
  work.commit();
  state_->over = true;
}

}  // namespace usher
