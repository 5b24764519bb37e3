#include "worker/control.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/system.h"

namespace usher {
namespace {

constexpr std::size_t kMaxCalls = 64;  // operators, not clients

bool may_command(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

Control::Control(EventLoop& loop, UniqueFd listening, Commands commands)
    : loop_(loop),
      commands_(std::move(commands)),
      acceptor_(loop, std::move(listening), "control.sock", [this](UniqueFd fd) { meet(std::move(fd)); }) {}

// Calls may outlive this in the hands of who answers them; their connections do not.
Control::~Control() {
  for (const auto& entry : calls_) entry.second->link_.reset();
}

void Control::meet(UniqueFd fd) {
  if (calls_.size() < kMaxCalls && may_command(fd.get())) add(std::move(fd));
}

Control::CallPtr Control::resume(UniqueFd connection) {
  CallPtr call = add(std::move(connection));
  call->state_ = ControlState::answering;
  return call;
}

Control::CallPtr Control::add(UniqueFd connection) {
  auto call = std::make_shared<Call>();
  const Call* key = call.get();
  calls_[key] = call;
  call->link_.emplace(
      loop_, Channel(std::move(connection)), [this, key](Packet& packet) { dispatch(calls_.at(key), packet); },
      [this, key](const std::string& /*why*/) {
        const CallPtr last = calls_.at(key);
        calls_.erase(key);
        last->link_.reset();
      },
      0);
  return call;
}

// Commands take the call by value: it may hang up while it is answered.
void Control::dispatch(const CallPtr& call, Packet& packet) {
  call->gate_.check(packet, call->state_);
  call->state_ = ControlState::answering;
  switch (static_cast<ControlAsks>(packet.kind())) {
    case ControlAsks::status: return commands_.status(call);
    case ControlAsks::stop: return commands_.stop(call, packet.as<AskStop>().drain);
    case ControlAsks::reload: return commands_.reload(call);
    case ControlAsks::end_job: return commands_.end_job(call, packet.as<AskEndJob>());
    case ControlAsks::restart: return commands_.restart(call, packet.as<AskRestart>());
    case ControlAsks::reset_figures: return commands_.reset_figures(call);
  }
}

}  // namespace usher
