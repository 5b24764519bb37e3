#include "worker/public_programs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/system.h"
#include "worker/public_leftovers.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kLeftoversPause = 1s;
constexpr int kShareOfTime = 100;  // at most one part of so many goes into looking for what was left running

UniqueFd hear_of_children() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  check(sigprocmask(SIG_BLOCK, &set, nullptr), "block SIGCHLD");
  return UniqueFd(check(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "hear of children"));
}

// One that has ended and is still to be reaped; 0 when there is none.
pid_t next_ended() {
  siginfo_t info{};
  const int result = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  return result == 0 ? info.si_pid : 0;
}

}  // namespace

PublicPrograms::PublicPrograms(EventLoop& loop, PublicRecords& records, Callbacks callbacks)
    : loop_(loop),
      records_(records),
      callbacks_(std::move(callbacks)),
      signals_(hear_of_children()),
      child_ended_(loop.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) { reap(); })) {}

bool PublicPrograms::has_number(std::uint32_t number) const {
  return std::any_of(programs_.begin(), programs_.end(), [&](const auto& entry) { return entry.second.number == number; });
}

void PublicPrograms::add(PublicProgram program) {
  look_after_all_at(std::min(program.started + kMoment, program.deadline));
  programs_[program.pid] = std::move(program);
}

// ---- the end of one ----

void PublicPrograms::reap() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
  }
  bool some = false;
  while (const pid_t pid = next_ended()) {
    const auto found = programs_.find(pid);
    // What is left of its group, while the number is certain to mean that group.
    if (found != programs_.end()) ::kill(-pid, SIGKILL);
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, 0, &usage) != pid || found == programs_.end()) continue;  // or an orphan, now gone
    callbacks_.ended(pid);
    forget(found->second, status, usage);
    programs_.erase(found);
    some = true;
  }
  if (!some) return;
  look_for_leftovers_later();
  callbacks_.some_have_ended();
}

void PublicPrograms::forget(PublicProgram& program, int wait_status, const rusage& usage) {
  records_.end(program, wait_status, usage);
  program.hang_up.end();  // before its descriptor goes
}

// ---- those that live ----

void PublicPrograms::settle(PublicProgram& program) {
  program.settled = true;
  program.hang_up = loop_.watch(program.connection.get(), 0, [this, pid = program.pid](std::uint32_t) {
    PublicProgram& lost = programs_.at(pid);
    lost.hang_up.end();
    lost.ending.lose_connection();
    look_after_all_at(Clock::now());
  });
}

void PublicPrograms::look_after_all() {
  due_ = Instant::max();
  const Instant now = Clock::now();
  Instant next = Instant::max();
  for (auto& [pid, program] : programs_) {
    if (!program.settled && now >= program.started + kMoment) settle(program);
    const bool told = !program.settled || records_.begin(program) || !records_.connected();
    if (now >= program.deadline) {
      program.deadline = Instant::max();
      program.ending.pass_timeout();
    }
    program.ending.send_due(pid);
    next = std::min({next, program.deadline, program.ending.next(), program.settled ? next : program.started + kMoment,
                     told ? next : now + kMoment});
  }
  look_after_all_at(next);
}

void PublicPrograms::look_after_all_at(Instant when) {
  if (when >= due_) return;
  due_ = when;
  timer_ = loop_.at(when, [this] { look_after_all(); });
}

void PublicPrograms::end(std::uint32_t number, std::chrono::milliseconds delay) {
  for (auto& [pid, program] : programs_) {
    if (number == 0 || program.number == number) program.ending.obey_starter(delay);
  }
  look_after_all_at(Clock::now());
}

void PublicPrograms::tell_again() {
  for (auto& [pid, program] : programs_) program.recorded = false;
  look_after_all_at(Clock::now());
}

// ---- what they leave running ----

void PublicPrograms::look_for_leftovers_later() {
  if (leftovers_timer_.pending()) return;
  leftovers_timer_ = loop_.after(std::max<Clock::duration>(kLeftoversPause, leftovers_pause_), [this] { look_for_leftovers(); });
}

void PublicPrograms::look_for_leftovers() {
  if (programs_.empty() && !has_children()) return;
  const Instant begin = Clock::now();
  const std::size_t killed = kill_leftovers([this](pid_t pid) { return programs_.contains(pid); },
                                            [this](std::uint32_t number) { return has_number(number); });
  leftovers_pause_ = (Clock::now() - begin) * kShareOfTime;
  if (killed > 0) look_for_leftovers_later();  // one may have forked meanwhile
}

}  // namespace usher
