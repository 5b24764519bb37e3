#include "worker/service.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include "base/log.h"
#include "base/signal_name.h"

namespace usher {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMostLastWords = 1000;  // rounds of a link: more than a socket holds
constexpr auto kLived = 1s;  // a service that lived as long did not crash in a row

}  // namespace

Service::Service(EventLoop& loop, std::string name, std::span<const Request> table, Callbacks callbacks)
    : loop_(loop), name_(std::move(name)), table_(table), callbacks_(std::move(callbacks)) {}

void Service::start() {
  auto [ours, theirs] = make_channel();
  SpawnOrder order = order_;
  order.descriptors.insert(order.descriptors.begin(), theirs.fd());
  const pid_t pid = spawn(order);
  hold(pid, std::move(ours));
  callbacks_.started();
}

void Service::adopt(pid_t pid, Channel channel) {
  was_ever_ready_ = true;
  hold(pid, std::move(channel));
}

void Service::hold(pid_t pid, Channel channel) {
  pid_ = pid;
  started_at_ = Clock::now();
  gate_.emplace(table_);
  ready_generation_ = 0;
  link_ = std::make_unique<Link>(
      loop_, std::move(channel), [this](Packet& packet) { hear(packet); },
      [this](const std::string& why) {
        if (reason_.empty()) reason_ = why;
        link_.reset();
        kill();  // its end is heard of as that of a child
      });
}

void Service::stop(const Stop& how) {
  stopping_ = true;
  next_start_.end();
  send(how);
}

void Service::leave(std::chrono::milliseconds patience, std::function<void()> left) {
  next_start_.end();
  if (!running()) return left();
  left_ = std::move(left);
  send(Leave{});
  patience_ = loop_.after(patience, [this] { kill(); });
}

void Service::kill() const {
  if (pid_ > 0) ::kill(pid_, SIGKILL);
}

void Service::hear(Packet& packet) {
  gate_->check(packet, ready_generation_ == 0 ? ServiceState::starting : ServiceState::running);
  if (packet.kind() == static_cast<std::uint8_t>(ServiceFailed::kKind)) {
    reason_ = packet.as<ServiceFailed>().reason.str();
    return;
  }
  if (packet.kind() == static_cast<std::uint8_t>(ServiceReady::kKind)) {
    ready_generation_ = packet.as<ServiceReady>().generation;
    was_ever_ready_ = true;
  }
  callbacks_.said(packet);
}

void Service::ended(int wait_status) {
  pid_ = 0;
  hear_last_words();
  link_.reset();
  const std::string how = end_of_process(wait_status);
  const std::string reason = std::exchange(reason_, "");
  patience_.end();
  const auto left = std::exchange(left_, nullptr);
  if (stopping_) return;
  if (left) return left();
  log::error("service_ended", {{"service", name_}, {"end", how}, {"reason", reason}});
  if (!was_ever_ready_) {
    callbacks_.gave_up(name_ + " ended (" + how + ")" + (reason.empty() ? "" : ": " + reason));
  }
  if (!stopping_) start_later();
}

// Clients come with them, whom nobody else has.
void Service::hear_last_words() {
  for (std::size_t rounds = 0; link_ && rounds < kMostLastWords; ++rounds) link_->hear_now();
}

void Service::start_later() {
  if (Clock::now() - started_at_ > kLived) pause_ = 0ms;
  next_start_ = loop_.after(pause_, [this] { try_start(); });
  pause_ = std::clamp<std::chrono::milliseconds>(pause_ * 2, 50ms, kLongestPause);
}

void Service::try_start() {
  ++restarts_;
  log::notice("service_restarted", {{"service", name_}, {"times", restarts_}});
  try {
    start();
  } catch (const std::system_error& error) {
    log::error("service_not_started", {{"service", name_}, {"reason", error.what()}});
    if (pid_ > 0) return kill();  // it could not be told all it needs; its end is heard of as that of a child
    start_later();
  }
}

std::string end_of_process(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "signal " + signal_name(WTERMSIG(wait_status));
  return "status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace usher
