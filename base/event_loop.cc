#include "base/event_loop.h"

#include <sys/epoll.h>

#include <array>

#include "base/system.h"

namespace usher {

EventLoop::Watch& EventLoop::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    end();
    loop_ = other.loop_;
    entry_ = std::move(other.entry_);
  }
  return *this;
}

void EventLoop::Watch::change(std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = entry_.get();
  check(::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, entry_->fd, &event), "change a watch");
}

void EventLoop::Watch::end() noexcept {
  if (entry_ == nullptr) return;
  ::epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_DEL, entry_->fd, nullptr);
  entry_->over = true;
  loop_->ended_.push_back(std::move(entry_));
  entry_ = nullptr;
}

EventLoop::Timer& EventLoop::Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    end();
    loop_ = other.loop_;
    entry_ = std::move(other.entry_);
  }
  return *this;
}

void EventLoop::Timer::end() noexcept {
  if (pending()) {
    entry_->queued = false;
    loop_->timers_.erase(entry_->place);
  }
  entry_ = nullptr;
}

EventLoop::EventLoop() : epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "make an event loop")) {}

EventLoop::Watch EventLoop::watch(int fd, std::uint32_t events, Ready ready) {
  auto entry = std::make_shared<Watch::Entry>(Watch::Entry{fd, std::move(ready)});
  epoll_event event{};
  event.events = events;
  event.data.ptr = entry.get();
  check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event), "watch a descriptor");
  return Watch(this, std::move(entry));
}

EventLoop::Timer EventLoop::at(Instant when, Due due) {
  auto entry = std::make_shared<Timer::Entry>(Timer::Entry{std::move(due), {}});
  entry->place = timers_.emplace_hint(timers_.end(), when, entry);  // mostly the latest of all
  return {this, std::move(entry)};
}

void EventLoop::run() {
  stopped_ = false;
  while (!stopped_) run_once();
}

void EventLoop::run_once() {
  std::array<epoll_event, 64> events{};
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait_ms());
  if (count < 0 && errno != EINTR) throw_errno("wait for events");
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    auto* entry = static_cast<Watch::Entry*>(event.data.ptr);
    if (!entry->over) entry->ready(event.events);
  }
  run_due();
  run_deferred();
  ended_.clear();
}

int EventLoop::wait_ms() const {
  if (!deferred_.empty()) return 0;
  return timers_.empty() ? -1 : milliseconds_until(timers_.begin()->first);
}

void EventLoop::run_due() {
  const Instant now = Clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto entry = std::move(timers_.begin()->second);
    timers_.erase(timers_.begin());
    entry->queued = false;
    entry->due();
  }
}

void EventLoop::run_deferred() {
  const auto work = std::exchange(deferred_, {});
  for (const Due& due : work) due();
}

}  // namespace usher
