#include "server/delivery.h"

#include <algorithm>
#include <vector>

#include "base/log.h"

namespace usher {

Delivery::Delivery(EventLoop& loop, Channel channel, OnEvent event)
    : event_(std::move(event)),
      link_(
          loop, std::move(channel), [this](const Packet& packet) { hear(packet); },
          [this](const std::string& why) {
            if (why != "it is gone") log::error("worker_broke_protocol", {{"reason", why}});
            lost_ = true;
            const OnEvent lost = event_;
            lost(Event::lost);
          },
          0) {}

void Delivery::hear(const Packet& packet) {
  gate_.check(packet, taken_ ? HandOverState::taken : HandOverState::sent);
  const OnEvent event = event_;
  switch (static_cast<WorkerTellsListener>(packet.kind())) {
    case WorkerTellsListener::taken: taken_ = true; return event(Event::taken);
    case WorkerTellsListener::client_host: {
      const auto said = packet.as<ClientHost>();
      return hear_question(said.question, said.host.str(), Event::client_host);
    }
    case WorkerTellsListener::attempt: {
      const auto said = packet.as<Attempt>();
      return hear_question(said.question, said.account.str(), Event::attempt);
    }
    case WorkerTellsListener::login_failed: return hear_result(packet.as<LoginFailed>().checked_ms, Event::login_failed);
    case WorkerTellsListener::login_succeeded: return hear_result(packet.as<LoginSucceeded>().checked_ms, Event::login_succeeded);
    case WorkerTellsListener::no_room: return event(Event::no_room);
    case WorkerTellsListener::login_over: return event(Event::login_over);
  }
}

void Delivery::hear_question(std::uint32_t question, const std::string& subject, Event about) {
  question_ = question;
  subject_ = subject;
  const OnEvent event = event_;
  event(about);
}

void Delivery::hear_result(std::uint32_t checked_ms, Event result) {
  checked_ms_ = checked_ms;
  const OnEvent event = event_;
  event(result);
}

bool Delivery::withdraw() {
  std::vector<Event> heard;
  const OnEvent event = std::exchange(event_, [&heard](Event said) { heard.push_back(said); });
  link_.hear_now();
  if (!taken_) {
    link_.send(Withdrawn{});
    link_.refuse_more();
    link_.hear_now();
  }
  event_ = event;
  const bool withdrawn = !taken_;
  if (!withdrawn) std::for_each(heard.begin(), heard.end(), event);
  return withdrawn;
}

}  // namespace usher
