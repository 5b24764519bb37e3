// A real worker with its real login process, and a test in the place of starter, listener and pool.
//
//   WorkerHarness harness({.programs = "[program.say]\n..."});
//   Client client = harness.connect();
//   client.answer(100, "normal"); ...
//   harness.grant();                     // as the pool
//   ...
//   CHECK(harness.wait() == WorkerExit::clean);
//
// Model:  the worker is a forked child of the test, made of the same parts that the template gives it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/channel.h"
#include "base/configuration.h"
#include "handover/hand_over.h"
#include "tests/support/client.h"
#include "tests/support/temporary_directory.h"
#include "worker/pool_messages.h"
#include "worker/starter_messages.h"

namespace usher::testing {

struct WorkerSetting {
  std::string programs{};                  // TOML: [program.NAME] tables
  std::string listener{};                  // TOML: more keys of the listener
  std::string pam_service = "usher-test";
  std::string pam_directory{};             // empty: the private /etc/pam.d
  std::string server{};                    // TOML: more keys of [server]
  bool limited_by_test = false;            // true: the test itself answers an Attempt
};

// A listener that refuses nobody: it answers what is asked about limits, and passes on all else that the worker says.
class PermissiveListener {
 public:
  explicit PermissiveListener(Channel& workers)
      : workers_(workers), thread_([this](const std::stop_token& stop) { run(stop); }) {}
  Channel& heard() noexcept { return heard_.ours; }

 private:
  void run(const std::stop_token& stop);
  bool answer(const Packet& packet);

  Channel& workers_;
  ChannelPair heard_ = make_channel();
  std::jthread thread_;
};

// What the harness's login processes execute where no listener speaks TLS; none: they are forks (hostile_login.cc).
UniqueFd login_program();

class WorkerHarness {
 public:
  enum class Await { ready, nothing };
  explicit WorkerHarness(const WorkerSetting& setting, Await await = Await::ready);
  ~WorkerHarness();
  WorkerHarness(const WorkerHarness&) = delete;
  WorkerHarness& operator=(const WorkerHarness&) = delete;

  pid_t pid() const noexcept { return pid_; }
  const std::string& directory() const noexcept { return directory_.path(); }

  // A client on loopback TCP, handed over and taken.
  Client connect();
  // The same for a client that goes on with its socket by itself.
  UniqueFd connect_socket();
  // The hand-over alone, of any descriptor.
  void hand_over(int fd, std::uint32_t generation = 1);

  // The next message of that kind; a doctest failure when another comes, or none.
  template <class M>
  M from_starter_channel() { return next<M>(starter_); }
  template <class M>
  M from_listener_channel() { return next<M>(listener_stand_in_ ? listener_stand_in_->heard() : listener_); }
  template <class M>
  M from_pool_channel() { return next<M>(pool_); }

  // The whole way of a login from 100 to 110.
  void log_in(Client& client, const std::string& user, const std::string& program);
  // As the pool: takes the log pipe and the claim, and grants it.
  Claim grant();
  Claim deny();
  // What the program wrote to standard error, until its end.
  std::string log_text();
  // What it has written since this was last asked.
  std::string log_so_far();

  Channel& starter() noexcept { return starter_; }
  Channel& listener() noexcept { return listener_; }
  Channel& pool() noexcept { return pool_; }

  // Reaps the worker: its exit status, or 128 + the signal.
  int wait();

 private:
  template <class M>
  M next(Channel& channel);
  void receive(Channel& channel, Packet& packet);
  Claim receive_claim();

  TemporaryDirectory directory_;
  Configuration configuration_;
  pid_t pid_ = 0;
  bool limited_by_test_;
  Channel starter_, listener_, pool_;
  std::optional<PermissiveListener> listener_stand_in_;  // from Taken on
  UniqueFd log_;
};

template <class M>
M WorkerHarness::next(Channel& channel) {
  Packet packet;
  receive(channel, packet);
  return packet.as<M>();
}

// "[program.reporter]" on the reporter of the tests, or /bin/sh -c SCRIPT, for everybody.
std::string shell_program(const std::string& name, const std::string& script, const std::string& more = "");

}  // namespace usher::testing
