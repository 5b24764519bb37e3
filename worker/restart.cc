#include "worker/restart.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own_directory.h"
#include "base/system.h"
#include "worker/generation.h"
#include "worker/spawn.h"

namespace usher {

using namespace std::chrono_literals;

namespace {

constexpr auto kLeaveGrace = 5s;     // after the last client that waits has been told that none came
constexpr auto kProgramTime = 5s;    // for a program to say its version
constexpr auto kTemplateCheck = 1ms;
constexpr const char* kStarter = "usher-starter";

// Empty when it runs at all, with the libraries there are.
std::string fault_of_program(const std::string& path) {
  const pid_t pid = spawn({path, {"--version"}, {}, {}, true});
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  const Instant deadline = Clock::now() + kProgramTime;
  while (::poll(&ended, 1, milliseconds_until(deadline)) < 0 && errno == EINTR) {
  }
  ::kill(pid, SIGKILL);  // or it has ended
  int status = 0;
  retry([&] { return ::waitpid(pid, &status, 0); });
  return status == 0 ? "" : path + " does not run: " + end_of_process(status);
}

}  // namespace

void Restart::begin(const Control::CallPtr& call, const AskRestart& what, std::chrono::milliseconds patience) {
  call_ = call;
  what_ = what;
  failure_.clear();
  log::notice("restart", {{"listener", what.listener ? "yes" : "no"},
                          {"pool", what.pool ? "yes" : "no"},
                          {"starter", what.starter ? "yes" : "no"}});
  if (!what.listener) return pool_next();
  parts_.listener.leave(patience + kLeaveGrace, [this] { pool_next(); });
}

void Restart::resume(const Control::CallPtr& call, const AskRestart& what) {
  call_ = call;
  what_ = what;
}

void Restart::pool_next() {
  if (!what_.pool) return start_again();
  parts_.pool.leave(kLeaveGrace, [this] { starter_next(); });
}

// No worker may be on its way from the template: the next starter would not know it.
void Restart::starter_next() {
  if (!what_.starter) return start_again();
  parts_.workers.pattern().hold(true);
  if (parts_.workers.pattern().outstanding() > 0 || parts_.workers.sweeping()) {
    check_ = loop_.after(kTemplateCheck, [this] { starter_next(); });
    return;
  }
  failure_ = parts_.execute_anew();
  log::error("restart_failed", {{"reason", failure_}});
  parts_.workers.pattern().hold(false);
  start_again();
}

void Restart::start_again() {
  if (what_.pool) parts_.pool.start_anew();
  if (what_.listener) parts_.listener.start_anew();
}

void Restart::all_ready() {
  if (!call_) return;
  const Control::CallPtr call = std::exchange(call_, nullptr);
  if (!failure_.empty()) return call->done(1, "the starter goes on as it was: " + failure_);
  call->done(0, what_.starter ? "everything was restarted" : what_.pool ? "the pool was restarted" : "the listener was restarted");
}

std::string fault_of_next_starter(const std::string& configuration, const ServerConfig& present, Control::Call& call) {
  std::vector<Fault> faults;
  const auto next = read_generation(configuration, 1, faults);
  for (const Fault& fault : faults) call.progress(fault.text());
  if (!next) return "the configuration has faults";
  if (moves(present, next->configuration->server)) return kMoves;
  return fault_of_program(own_directory() + kStarter);
}

std::string execute_starter_anew(const StarterState& state, const std::string& configuration) {
  try {
    const UniqueFd saved = save_state(state);
    std::vector<int> kept = descriptors_of(state);
    kept.push_back(saved.get());
    const int error = execute_anew(own_directory() + kStarter,
                                   {"--config", configuration, "--log", log::name_of(log::current_target()), "--state-fd",
                                    std::to_string(saved.get())},
                                   kept);
    return std::generic_category().message(error);
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace usher
