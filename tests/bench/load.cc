#include "tests/bench/load.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include <array>
#include <list>
#include <memory>
#include <stdexcept>

#include "base/clock.h"
#include "base/system.h"
#include "base/unique_fd.h"

namespace usher::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;  // with sessions under way when nothing more is begun; then they have failed
constexpr std::size_t kMostFailures = 1000;

double cpu_ms() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double ms_since(Instant begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

timespec until(Instant when) {
  const auto left = std::max<Clock::duration>(when - Clock::now(), 0ns);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
  return {seconds.count(), std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
}

class Generator {
 public:
  explicit Generator(const NewSession& make)
      : make_(make), epoll_(check(::epoll_create1(EPOLL_CLOEXEC), "make an event queue")) {}

  // What happens when a session has ended; the latency is -1 when it failed.
  std::function<void(std::unique_ptr<Session>, double latency_ms)> ended;

  void begin() {
    const Instant now = Clock::now();
    running_.push_back({make_(), now, 0, {}});
    Running& running = running_.back();
    running.place = std::prev(running_.end());
    running.events = running.session->events();
    epoll_event event = interest(running);
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, running.session->fd(), &event), "watch a client");
  }

  void run_until(Instant when) {
    std::array<epoll_event, 64> events{};
    const timespec wait = until(when);
    const int count = ::epoll_pwait2(epoll_.get(), events.data(), events.size(), &wait, nullptr);
    for (int i = 0; i < count; ++i) go_on(*static_cast<Running*>(events.at(static_cast<std::size_t>(i)).data.ptr));
  }

  // Of a session that has ended and lives on.
  void forget(const Session& session) {
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, session.fd(), nullptr), "leave a client");
  }

  void let_end() {
    const Instant patience = Clock::now() + kPatience;
    while (!running_.empty() && Clock::now() < patience) run_until(patience);
    for (const Running& running : running_) note_failure("no end: " + running.session->failure());
  }

  LoadResult& result() { return result_; }

 private:
  struct Running {
    std::unique_ptr<Session> session;
    Instant began;
    std::uint32_t events;
    std::list<Running>::iterator place;
  };

  static epoll_event interest(Running& running) {
    epoll_event event{};
    event.events = running.events;
    event.data.ptr = &running;
    return event;
  }

  void go_on(Running& running) {
    const Session::State state = running.session->go_on();
    if (state != Session::State::under_way) return end(running, state);
    const std::uint32_t events = running.session->events();
    if (events == running.events) return;
    running.events = events;
    epoll_event event = interest(running);
    check(::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, running.session->fd(), &event), "watch a client");
  }

  void end(Running& running, Session::State state) {
    const double latency = ms_since(running.began);
    auto session = std::move(running.session);
    running_.erase(running.place);
    if (state == Session::State::failed) {
      note_failure(session->failure());
    } else {
      ++result_.sessions;
    }
    ended(std::move(session), state == Session::State::done ? latency : -1);
  }

  void note_failure(const std::string& why) {
    if (result_.failures == 0) result_.first_failure = why;
    if (++result_.failures == kMostFailures) throw std::runtime_error("too many sessions failed: " + why);
  }

  const NewSession& make_;
  UniqueFd epoll_;
  std::list<Running> running_;
  LoadResult result_;
};

}  // namespace

LoadResult keep_busy(const NewSession& make, std::size_t clients, std::chrono::milliseconds warm_up,
                     std::chrono::milliseconds time) {
  Generator generator(make);
  LoadResult& result = generator.result();
  const Instant start = Clock::now() + warm_up;
  const Instant stop = start + time;
  generator.ended = [&](std::unique_ptr<Session> session, double latency) {
    session.reset();
    const Instant now = Clock::now();
    if (latency >= 0 && now >= start && now < stop) result.latencies.push_back(latency);
    if (now < stop) generator.begin();
  };
  for (std::size_t i = 0; i < clients; ++i) generator.begin();
  while (Clock::now() < start) generator.run_until(start);
  const double cpu_before = cpu_ms();
  while (Clock::now() < stop) generator.run_until(stop);
  result.seconds = std::chrono::duration<double>(time).count();
  if (!result.latencies.empty()) {
    result.client_cpu_ms = (cpu_ms() - cpu_before) / static_cast<double>(result.latencies.size());
  }
  generator.let_end();
  return std::move(result);
}

LoadResult arrive_paced(const NewSession& make, double rate, std::size_t warm_up, std::size_t sessions) {
  check(prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0), "wake up in time");
  Generator generator(make);
  LoadResult& result = generator.result();
  std::size_t ended = 0;
  generator.ended = [&](const std::unique_ptr<Session>& /*session*/, double latency) {
    if (latency >= 0 && ended++ >= warm_up) result.latencies.push_back(latency);
  };
  const Instant start = Clock::now();
  const auto step = std::chrono::duration<double>(1 / rate);
  for (std::size_t i = 0; i < warm_up + sessions; ++i) {
    const Instant due = start + std::chrono::duration_cast<Clock::duration>(step * static_cast<double>(i));
    while (Clock::now() < due) generator.run_until(due);
    generator.begin();
  }
  generator.let_end();
  result.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return std::move(result);
}

std::vector<std::unique_ptr<Session>> hold(const NewSession& make, std::size_t count, std::size_t at_once) {
  std::vector<std::unique_ptr<Session>> held;
  std::size_t begun = 0;
  Generator generator(make);
  generator.ended = [&](std::unique_ptr<Session> session, double latency) {
    if (latency < 0) throw std::runtime_error("a session failed: " + session->failure());
    generator.forget(*session);
    held.push_back(std::move(session));
    if (begun < count) {
      ++begun;
      generator.begin();
    }
  };
  for (; begun < std::min(count, at_once); ++begun) generator.begin();
  generator.let_end();
  if (held.size() < count) throw std::runtime_error("a session failed: " + generator.result().first_failure);
  return held;
}

}  // namespace usher::bench
