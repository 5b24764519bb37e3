#include "worker/session.h"

#include <poll.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>

#include "base/common_memory.h"
#include "base/idle_memory.h"
#include "base/system.h"
#include "tls/gathered_memory.h"
#include "worker/ending.h"
#include "worker/starter_messages.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kPoolRetry = 1s;
constexpr auto kIdle = 1s;  // then a session is one of many that wait

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
      if (Clock::now() >= idle_from_) give_back();
      if (fds[0].revents != 0) return {reap(), ending_.cause()};
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
    return std::min({ending_.next(), timeout_, pool, idle_from_});
  }

  void give_back() {
    idle_from_ = Instant::max();
    tls::give_large_pieces_back();
    give_memory_back();
    give_common_memory_back();
  }

  void lose_connection() {
    connection_lives_ = false;
    ending_.lose_connection();
  }

  void pass_timeout() {
    timeout_ = Instant::max();
    ending_.pass_timeout();
  }

  void hear_starter() {
    Packet packet;
    const Received received = watch_.starter.receive(packet, 0);
    if (received == Received::nothing) return;
    if (received == Received::closed) {
      starter_watched_ = false;
      return ending_.lose_starter();
    }
    ending_.obey_starter(std::chrono::milliseconds(packet.as<EndJob>().delay_ms));
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
  Instant idle_from_ = Clock::now() + kIdle;
  Ending ending_;
  bool connection_lives_ = true;
  bool starter_watched_ = true;
};

}  // namespace

ProgramEnd wait_for_program(const Launched& program, const SessionWatch& watch) { return Waiter(program, watch).run(); }

}  // namespace usher
