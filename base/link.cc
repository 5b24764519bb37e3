#include "base/link.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "base/shortage.h"

namespace usher {
namespace {

constexpr int kPacketsARound = 64;  // then others have their turn
constexpr std::chrono::milliseconds kRest{100};
constexpr std::chrono::milliseconds kResend{10};

}  // namespace

Link::Link(EventLoop& loop, Channel channel, OnPacket packet, OnClosed closed, std::size_t descriptors)
    : loop_(loop),
      channel_(std::move(channel)),
      packet_(std::move(packet)),
      closed_(std::move(closed)),
      descriptors_(descriptors),
      watch_(loop.watch(channel_.fd(), EPOLLIN, [this](std::uint32_t events) { ready(events); })) {}

Link::~Link() {
  *alive_ = false;
  watch_.end();  // before its descriptor is closed, which another process may have for a moment longer
  close_channel();
}

void Link::close_channel() {
  UniqueFd fd = channel_.release();
  if (close_ && fd) close_(std::move(fd));
}

void Link::refuse_more() noexcept {
  if (watch_) ::shutdown(channel_.fd(), SHUT_RD);
}

void Link::send_bytes(std::span<const std::uint8_t> bytes, std::vector<UniqueFd> descriptors) {
  if (!watch_) return;
  if (waiting_.empty()) {
    const Channel::Sent sent = try_send(bytes, descriptors);
    // A peer that is gone is reported by the loop, not from inside the sender's call.
    if (sent != Channel::Sent::full) return;
  }
  waiting_.push_back({{bytes.begin(), bytes.end()}, std::move(descriptors)});
  if (waiting_.size() == 1) watch_what_matters();
  if (waiting_.size() == kMaxWaiting) late_close_ = loop_.after({}, [this] { close("it does not read"); });
}

Channel::Sent Link::try_send(std::span<const std::uint8_t> bytes, const std::vector<UniqueFd>& descriptors) {
  std::array<int, kMaxDescriptors> numbers{};
  for (std::size_t i = 0; i < descriptors.size(); ++i) numbers.at(i) = descriptors[i].get();
  return channel_.send_bytes(bytes, std::span(numbers).first(descriptors.size()));
}

void Link::ready(std::uint32_t events) {
  const auto alive = alive_;
  if ((events & EPOLLOUT) != 0) flush();
  if (*alive && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
}

void Link::flush() {
  for (bool first = true; !waiting_.empty(); first = false) {
    const bool full = try_send(waiting_.front().bytes, waiting_.front().descriptors) == Channel::Sent::full;
    if (full && first) return send_later();
    if (full) break;
    waiting_.pop_front();
  }
  watch_what_matters();
}

// There is room in the channel, but too many descriptors are under way, or there is no memory: readiness would not say when.
void Link::send_later() {
  resending_ = loop_.after(kResend, [this] { flush(); });
  watch_what_matters();
}

void Link::watch_what_matters() {
  std::uint32_t events = 0;
  if (!resting_.pending()) events |= EPOLLIN;
  if (!waiting_.empty() && !resending_.pending()) events |= EPOLLOUT;
  if (watch_) watch_.change(events);
}

// Its end is heard all the same.
void Link::rest() {
  resting_ = loop_.after(kRest, [this] {
    const UniqueFd probe(::fcntl(channel_.fd(), F_DUPFD_CLOEXEC, 0));
    if (!probe || is_one_of_the_last(probe.get(), margins_kept_)) return rest();
    watch_what_matters();
  });
  watch_what_matters();
}

void Link::receive() {
  const auto alive = alive_;
  try {
    for (int i = 0; i < kPacketsARound; ++i) {
      if (close_ && channel_.brings_descriptors()) throw ProtocolError("descriptors that nobody asked for");
      Packet packet;
      const Received received = channel_.receive(packet, descriptors_);
      if (received == Received::nothing) return;
      if (received == Received::closed) return close("it is gone");
      const bool few_left = packet.leaves_few_descriptors(margins_kept_);
      packet_(packet);
      if (!*alive || !watch_) return;
      if (few_left) return rest();
    }
  } catch (const ProtocolError& error) {
    if (*alive) close(error.what());
  }
}

void Link::close(const std::string& why) {
  resting_.end();
  resending_.end();
  watch_.end();
  close_channel();
  waiting_.clear();
  const OnClosed closed = std::move(closed_);
  if (closed) closed(why);
}

}  // namespace usher
