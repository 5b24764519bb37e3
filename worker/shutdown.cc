#include "worker/shutdown.h"

#include "base/log.h"
#include "worker/service_manager.h"

namespace usher {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopTime = 2s;         // from SIGTERM to SIGKILL
constexpr auto kStopPatience = 6s;     // then workers that are still there are killed
constexpr auto kServicePatience = 5s;  // for listener and pool to end by themselves
constexpr auto kProgressEvery = 300ms;

}  // namespace

void Shutdown::begin(const Control::CallPtr& call, bool drain) {
  if (call) calls_.push_back(call);
  if (under_way_ && (drain || !draining_)) return;
  draining_ = drain;
  progress_.end();
  if (!std::exchange(under_way_, true)) {
    log::notice("stop", {{"drain", drain ? "yes" : "no"}});
    notify_service_manager("STOPPING=1");
    parts_.pool.stop({drain});
  }
  parts_.listener.stop({drain});
  parts_.close_sockets(drain ? Parts::Sockets::of_public : Parts::Sockets::all);
  parts_.workers.stop(kStopTime, !drain);
  parts_.publics.stop(drain);
  if (!drain) parts_.publics.end_programs(kStopTime);
  patience_ = loop_.after(kStopPatience, [this] { insist(); });
  go_on();
}

// While sessions drain only those are ended that have none.
void Shutdown::insist() {
  if (draining_) {
    parts_.workers.stop(kStopTime, false);
    patience_ = loop_.after(kStopPatience, [this] { insist(); });
    return;
  }
  parts_.workers.table().kill_all();
  parts_.publics.kill_all();
}

// Workers go first, then those who report on them.
void Shutdown::go_on() {
  if (!under_way_) return;
  if (!parts_.workers.idle() || !parts_.publics.idle()) return show_progress_later();
  if (!std::exchange(services_told_, true)) end_services();
  if (!parts_.listener.running() && !parts_.pool.running()) parts_.gone();
}

void Shutdown::end_services() {
  progress_.end();
  parts_.workers.pattern().stop();
  parts_.pool.hang_up();
  parts_.listener.hang_up();
  patience_ = loop_.after(kServicePatience, [this] {
    parts_.pool.kill();
    parts_.listener.kill();
  });
}

// Idle workers have gone by then, and of many that end at one time one line is told.
void Shutdown::show_progress_later() {
  if (draining_ && !progress_.pending()) progress_ = loop_.after(kProgressEvery, [this] { show_progress(); });
}

std::size_t Shutdown::programs() const {
  return parts_.workers.table().count(WorkerStage::session) + parts_.workers.table().count_own() + parts_.publics.programs();
}

void Shutdown::show_progress() {
  const std::size_t now = programs();
  if (now == std::exchange(shown_, now) || now == 0) return;
  const std::string text = "waiting for " + std::to_string(now) + (now == 1 ? " running program" : " running programs");
  for (const auto& call : calls_) call->progress(text);
}

void Shutdown::answer() {
  for (const auto& call : calls_) call->done(0, "");
}

}  // namespace usher
