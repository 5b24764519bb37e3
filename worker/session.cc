#include "worker/session.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/system.h"
#include "worker/starter_messages.h"

namespace usher {
namespace {

using namespace std::chrono_literals;
using Why = ProgramEnd::Why;

constexpr auto kPoolRetry = 1s;

// Signals that are due one after the other. The first reason to end a program stays the reason; a later one may only bring
// the end nearer.
class Ending {
 public:
  using Schedule = std::vector<std::pair<std::chrono::milliseconds, int>>;

  void begin(Why why, const Schedule& schedule) {
    if (why_ == Why::by_itself) why_ = why;
    const Instant now = Clock::now();
    if (now + schedule.back().first >= last_) return;
    due_.clear();
    for (const auto& [wait, signal] : schedule) due_.emplace_back(now + wait, signal);
    last_ = due_.back().first;
  }
  void send_due(pid_t program) {
    while (!due_.empty() && due_.front().first <= Clock::now()) {
      // The group first: a program that forked a pipeline ends as a whole. What left the group is found afterwards.
      ::kill(-program, due_.front().second);
      ::kill(program, due_.front().second);
      due_.erase(due_.begin());
    }
  }
  Instant next() const { return due_.empty() ? Instant::max() : due_.front().first; }
  Why why() const { return why_; }

 private:
  std::vector<std::pair<Instant, int>> due_;
  Instant last_ = Instant::max();
  Why why_ = Why::by_itself;
};

class Waiter {
 public:
  Waiter(const Launched& program, const SessionWatch& watch)
      : program_(program),
        watch_(watch),
        timeout_(watch.timeout.count() == 0 ? Instant::max() : Clock::now() + watch.timeout) {}

  ProgramEnd run() {
    while (true) {
      ending_.send_due(program_.pid);
      std::array<pollfd, 4> fds{{{program_.pidfd.get(), POLLIN, 0},
                                 {connection_watched(), 0, 0},
                                 {starter_watched_ ? watch_.starter.fd() : -1, POLLIN, 0},
                                 {watch_.pool.fd(), POLLIN, 0}}};
      const int ready = ::poll(fds.data(), fds.size(), milliseconds_until(next()));
      if (ready < 0 && errno != EINTR) throw_errno("wait for the program");
      if (fds[0].revents != 0) return {reap(), ending_.why()};
      if (fds[1].revents != 0) lose_connection();
      if (fds[2].revents != 0) hear_starter();
      if (fds[3].revents != 0) hear_pool();
      if (watch_.pool.fd() < 0) watch_.pool.reconnect();
      if (Clock::now() >= timeout_) pass_timeout();
    }
  }

 private:
  int connection_watched() const { return connection_lives_ ? watch_.connection : -1; }

  Instant next() const {
    const Instant pool = watch_.pool.fd() < 0 ? Clock::now() + kPoolRetry : Instant::max();
    return std::min({ending_.next(), timeout_, pool});
  }

  // Nobody can see what it does any more: as when a terminal is closed, then as when a machine goes down.
  void lose_connection() {
    connection_lives_ = false;
    ending_.begin(Why::connection_lost, {{0ms, SIGHUP}, {500ms, SIGTERM}, {1500ms, SIGKILL}});
  }

  void pass_timeout() {
    timeout_ = Instant::max();
    ending_.begin(Why::timeout, {{0ms, SIGTERM}, {5s, SIGKILL}});
  }

  void hear_starter() {
    Packet packet;
    const Received received = watch_.starter.receive(packet, 0);
    if (received == Received::nothing) return;
    if (received == Received::closed) {
      starter_watched_ = false;
      return ending_.begin(Why::starter_gone, {{0ms, SIGHUP}, {0ms, SIGTERM}, {500ms, SIGKILL}});
    }
    const std::chrono::milliseconds delay{packet.as<EndJob>().delay_ms};
    if (delay == 0ms) return ending_.begin(Why::ended_by_starter, {{0ms, SIGKILL}});
    ending_.begin(Why::ended_by_starter, {{0ms, SIGTERM}, {delay, SIGKILL}});
  }

  void hear_pool() {
    if (watch_.pool.hear() == PoolLink::News::lost) watch_.pool.reconnect();
  }

  int reap() const {
    int status = 0;
    check(retry([&] { return ::waitpid(program_.pid, &status, 0); }), "reap the program");
    return status;
  }

  const Launched& program_;
  const SessionWatch& watch_;
  Instant timeout_;
  Ending ending_;
  bool connection_lives_ = true;
  bool starter_watched_ = true;
};

}  // namespace

ProgramEnd wait_for_program(const Launched& program, const SessionWatch& watch) { return Waiter(program, watch).run(); }

}  // namespace usher
